"""The devices of this machine that a run is trained on."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from tfqnoise.backend import tf
from tfqnoise.errors import BackendError


class Replicas:
    """N replicas of the networks under `tf.distribute.MirroredStrategy`; with one, nothing of it is entered.

    Args:
        count: N.

    Raises:
        BackendError: if TensorFlow has begun with fewer devices.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self.devices: tuple[str, ...] = devices(count) if count > 1 else ()
        if count > 1:
            # NCCL is for GPUs; between parts of one processor a plain sum is all there is to do.
            on_processor = self.devices[0].startswith("CPU")
            reduction = tf.distribute.ReductionToOneDevice() if on_processor else None
            self._strategy = tf.distribute.MirroredStrategy(list(self.devices), cross_device_ops=reduction)

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Mirrors the variables made inside. A value assigned in a training step becomes the replicas' mean.

        Ranges, counters, masks and averaged weights, which layers and the trainer assign, thus are the same in all
        replicas after each step, and so are the statistics of batch norms: a checkpoint holds all there is.
        """
        if self.count == 1:
            yield
            return
        with self._strategy.scope(), tf.variable_creator_scope(_assignable):
            yield

    def feed(self, batches: Any) -> Any:
        """Returns batches whose elements are the replicas' shares in turn as each replica takes its own."""
        return batches if self.count == 1 else self._strategy.distribute_datasets_from_function(lambda _: batches)

    def said(self) -> str:
        """Returns in words what is trained on."""
        if self.devices[0].startswith("CPU"):
            found = len(tf.config.list_physical_devices("GPU"))
            return f"{self.count} replicas on as many logical devices of the processor: there are {found} GPUs"
        return f"{self.count} replicas: {', '.join(self.devices)}"


def put_back(variable: Any, value: Any) -> None:
    """Assigns a variable in a training step what it held before, to the bit; a mean over replicas would be near it.

    Args:
        variable: of a network.
        value: the same in all replicas.
    """
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        variable.assign(value)
        return

    def each(strategy: Any, mirrored: Any, values: Any) -> None:
        strategy.extended.update(mirrored, lambda own, kept: own.assign(kept), args=(values,))

    context.merge_call(each, args=(variable, value))


def devices(count: int) -> tuple[str, ...]:
    """Returns the first GPUs, or where there are fewer, as many logical devices of the processor.

    Raises:
        BackendError: if TensorFlow has begun with fewer of both.
    """
    found = {kind: len(tf.config.list_logical_devices(kind)) for kind in ("GPU", "CPU")}
    for kind, number in found.items():
        if number >= count:
            return tuple(f"{kind}:{place}" for place in range(count))
    raise BackendError(
        f"{count} replicas where TensorFlow has begun with {found['GPU']} GPUs and {found['CPU']} devices of the "
        "processor",
        f"{count} devices of one kind",
        f"call tfqnoise.backend.reserve({count}) before anything uses TensorFlow, as `tfqnoise train` does",
    )


def _assignable(make: Callable[..., Any], **settings: Any) -> Any:
    """Makes a variable that a replica may assign.

    Left to itself TensorFlow refuses that (aggregation NONE), or lets each replica keep a value of its own between
    steps (ON_READ, of batch norms), of which a checkpoint would hold the mean alone.
    """
    aggregation = tf.VariableAggregation
    if settings.get("aggregation") in (None, aggregation.NONE, aggregation.MEAN):
        dtype, value = settings.get("dtype"), settings.get("initial_value")
        if dtype is None:
            dtype = tf.convert_to_tensor(value() if callable(value) else value).dtype
        floating = tf.as_dtype(dtype).is_floating
        settings["aggregation"] = aggregation.MEAN if floating else aggregation.ONLY_FIRST_REPLICA
        settings["synchronization"] = tf.VariableSynchronization.AUTO
    return make(**settings)
