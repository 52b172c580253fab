"""First centroids of a kernel. One file each.

An initialisation is a function (weights, clusters, seed) -> centroids that maps float32 [N] to sorted float32
[clusters]. Where a kernel has fewer distinct values than clusters, some centroids are equal, and stay empty.
"""

from tfqnoise.registry import Registry

registry = Registry("initialisation", __name__)
register, get = registry.register, registry.get
