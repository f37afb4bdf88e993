"""What each user of the ledger's server has to be allowed, derived from the scripts that its role runs.

    scripts.py   what a script may call, and on which keys: read off its text
    roles.py     who runs which scripts, and what else they ask the server
    acl.py       the same as the server's own file of users (`ops/redis/users.acl`)

`python -m pipeline.rights` prints that file; a test holds it to what is printed.
"""

from pipeline.rights.acl import file_of
from pipeline.rights.roles import ROLES, Role
from pipeline.rights.scripts import Rights

__all__ = ["ROLES", "Rights", "Role", "file_of"]
