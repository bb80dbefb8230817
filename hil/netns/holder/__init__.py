"""The process that holds a network namespace, and joins connections between what is in it and what is not.

It is run by its path, without site and environment (`__main__`), and imports of hil only what does the same. Two
processes, as one cannot be in both networks: the child lives in the namespace (`inside`), sets it up (`links`) and
makes sockets there, which the parent on the host's side (`lending`, `joiner`) is given (SCM_RIGHTS in unix(7)); a
socket stays in the namespace that it was made in (network_namespaces(7)).
"""
