"""The words in which the Edge TPU's compiler says what became of an operator, so that they can be searched for."""

MAPPED = "Mapped to Edge TPU"
UNSUPPORTED = "Operation not supported"
VERSION = "Operation version not supported"
TYPE = "Operation is working on an unsupported data type"
LIMITATION = "Operation is otherwise supported, but not mapped due to some unspecified limitation"
RANK = "Tensor has unsupported rank (up to 3 innermost dimensions mapped)"
SUBGRAPHS = "More than one subgraph is not supported"
CONSTANT = "Filter, bias, or other param is not constant at compile-time"

STATUSES = (MAPPED, UNSUPPORTED, VERSION, TYPE, LIMITATION, RANK, SUBGRAPHS, CONSTANT)
