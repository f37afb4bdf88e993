"""The rights of every role as the server's own file of users: a line each, in the words of `ACL SETUSER`.

Nobody can log in with these lines alone: whoever runs the server gives each user that is wanted a password.
"""

from __future__ import annotations

from pipeline.rights.roles import ROLES, Role


def line_of(role: Role, namespace: str) -> str:
    """Write one user: nothing is allowed but what is named."""
    rights = role.rights
    words = [
        f"user gong-{role.name} off resetpass resetchannels",
        *sorted(f"&{namespace}:{channel}" for channel in rights.channels),
        "resetkeys",
        *sorted(role.pattern(key, namespace) for key in rights.keys),
        "-@all",
        *sorted(f"+{command}" for command in rights.commands),
    ]
    return " ".join(words)


def file_of(namespace: str) -> str:
    """Write all of them, a line each: the server takes no comments in such a file."""
    return "".join(f"{line_of(role, namespace)}\n" for role in ROLES)
