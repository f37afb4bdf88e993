"""Maps: how the columns of somebody else's export become calls, as `map.toml` says it.

    document       reads the file, tells everything that is wrong with it, binds it to an export's columns
    schema         what may stand in it; `source_field` what may stand where a value comes from
    source         a column, a constant or a template as a function; beside it `template`, `values`, `convert`
    times          dates, zones and their gaps; `numbers` durations; `media` paths of recordings
    tree           the call as a tree of such functions; `compile` makes it, `mapped` uses it row by row
    columns        the columns of an export, of a table or of JSON lines; `filter` which rows are recordings
    guess          writes a first map by looking at an export

Whether the call is one that the API would take is left to the reader of the manifest, as for any other.
"""

from pipeline.manifest.mapping.document import ColumnMap, read_map

__all__ = ["ColumnMap", "read_map"]
