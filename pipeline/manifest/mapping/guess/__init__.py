"""A first map for an export, by looking at its header and its first rows.

    sample         the first rows, column by column
    words, looks   what headers and values say
    fields         a guess for each field; `parties` for the people
    toml           the map as text, with the reason of each guess

What is not plain is left to a person: such a line is a comment with its candidates, and a map without it is
refused by the name of the field.
"""

from pipeline.manifest.mapping.guess.toml import first_map

__all__ = ["first_map"]
