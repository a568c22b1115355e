"""May this person do this? Services ask here before they write; pages only hide buttons.

>>> require(Actor(name="wang", role="annotator"), "reviewer", action="review pairs")
Traceback (most recent call last):
curation.errors.NotAllowed: wang (annotator) may not review pairs. Ask a lead to do it or to change the role.
"""
from __future__ import annotations

from curation.errors import NotAllowed
from curation.model import Actor, Role


def allowed(actor: Actor, *roles: Role) -> bool:
    """Whether the actor has one of the roles. A lead may do everything."""
    return actor.role == "lead" or actor.role in roles


def require(actor: Actor, *roles: Role, action: str) -> None:
    """Raises NotAllowed unless the actor has one of the roles. `action` completes the sentence "X may not ..."."""
    if not allowed(actor, *roles):
        raise NotAllowed(user=actor.name, role=actor.role, action=action)
