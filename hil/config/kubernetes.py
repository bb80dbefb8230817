"""How a rig file says how the Kubernetes API of a node's cluster is asked. Asks nothing."""

from __future__ import annotations

from pydantic import Field

from hil.config.model import Model, RigFilePath


class KubeconfigChoice(Model):
    """How the Kubernetes API of a node's cluster is asked."""

    kubeconfig: RigFilePath | None = Field(
        default=None,
        description="the kubeconfig that opens it; left out, Talos on the node is asked for one, which needs os:admin",
    )
    context: str | None = Field(
        default=None, description="which of its contexts; its own choice when left out", min_length=1
    )
