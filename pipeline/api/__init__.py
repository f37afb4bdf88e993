"""The pipeline over HTTP: recordings handed in, looked at and operated on by other systems (docs/enqueue.md).

Invariants: 202 and 200 are answered only for what the ledger has written. A request that is refused changes
nothing, and says why in one form (`problem`). No token, and no header, is ever logged. Whatever a client
sends takes bounded memory: bodies are read with a bound, or as a stream.

    server      the processes that listen, and how they stop        connection  how long a client may take
    app         the application of one process; `services` is what its views work with
    calls, batch, watching      the operations                      schemas     what they take and answer
    document    OpenAPI, made from these schemas and from those of the call itself
    body, form  what a client sends: JSON, a stream of lines, a form with a file
    uploads     where such files lie until their jobs are done
    tokens      who may do what; `permission` asks it for each request

What the recordings are and what becomes of them is left to `client`, `ledger` and `overview`.
"""
