"""A device through the Android Debug Bridge: found by its serial, quoted for its shell, left as it was found."""

import contextlib
import dataclasses
import re
import secrets
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tfqnoise.errors import DeviceError, UsageError

ROOT = "/data/local/tmp"

# What needs no work on the device answers at once or not at all.
_SHORT_SECONDS = 30.0
_CLEANING_SECONDS = 10.0
# adb ends with 0 when its device vanishes, and old devices don't pass exit codes on. So the device's own shell says
# how a command ended, and where that is missing the device was lost.
_ENDED = "tfqnoise-ended"
_GONE = r"device offline|device '.*' not found|no devices|error: closed|protocol fault|unexpected EOF|onnection reset"
_STATES = {
    "unauthorized": "unlock the device and allow this computer in the question on its screen",
    "offline": "reconnect it, or restart adb: adb kill-server",
    "no permissions": "let your user use the device's USB port (udev rules; on Debian the package "
    "android-sdk-platform-tools-common and the group plugdev)",
}
# Runs a command in a folder and leaves its process number there while it runs, so that it can be ended from outside.
_NUMBERED = 'cd "$1" || exit; shift; "$@" & echo $! > pid; wait $!; status=$?; rm -f pid; exit $status'
_END = 'test -f "$1/pid" && kill -9 "$(cat "$1/pid")"; rm -rf "$1"'


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a command on the device came to.

    Attributes:
        status: its exit code.
        text: all that it wrote.
    """

    status: int
    text: str


@dataclasses.dataclass(frozen=True)
class Device:
    """A device that answers.

    Attributes:
        adb: path of the client.
        serial: which device; every command names it.
        timeout: seconds that a command may take.
    """

    adb: str
    serial: str
    timeout: float

    def shell(self, *command: str, timeout: float | None = None) -> Answer:
        """Runs a command on the device, each argument quoted for its shell.

        Args:
            *command: the program and its arguments, as they are.
            timeout: seconds; what is no work takes at most half a minute.

        Raises:
            DeviceError: if the device is lost or doesn't answer in time.
        """
        # adb joins its arguments with spaces for the device's shell, so there is one argument, quoted here.
        # Errors go the way of output: by two ways they would arrive in any order.
        line = f"exec 2>&1; {shlex.join(command)}; status=$?; echo; echo {_ENDED}:$status"
        text = self._call("shell", line, timeout=timeout or min(self.timeout, _SHORT_SECONDS)).text
        found = re.search(rf"\n?^{_ENDED}:(\d+)\s*\Z", text, re.MULTILINE)
        if found is None:
            raise self._lost(text)
        return Answer(int(found.group(1)), text[: found.start()].rstrip("\n"))

    def run(self, folder: str, *command: str) -> Answer:
        """Runs a command in a folder of the device, in such a way that `workspace` can end it."""
        return self.shell("sh", "-c", _NUMBERED, "sh", folder, *command, timeout=self.timeout)

    def push(self, local: Path, remote: str) -> None:
        """Copies a file to the device.

        Raises:
            DeviceError: if it doesn't arrive: no space, no permission, device lost, time over.
        """
        answer = self._call("push", str(local.resolve()), remote)
        if answer.status:
            raise self._refused(f"{local} can't be copied to {self.serial}", answer.text)

    def pull(self, remote: str, local: Path) -> bool:
        """Copies a file from the device; returns whether it was there."""
        return self._call("pull", remote, str(local.resolve())).status == 0

    @contextlib.contextmanager
    def workspace(self, report: Callable[[str], None]) -> Iterator[str]:
        """Makes a folder on the device, and removes it with all that runs in it, however the work ends.

        Args:
            report: told if the folder could not be removed.

        Raises:
            DeviceError: if it can't be made.
        """
        folder = f"{ROOT}/tfqnoise-{secrets.token_hex(8)}"
        try:
            answer = self.shell("mkdir", folder)
            if answer.status:
                raise self._refused(f"{self.serial} makes no folder {folder}", answer.text)
            yield folder
        finally:
            try:
                left = self.shell("sh", "-c", _END, "sh", folder, timeout=_CLEANING_SECONDS)
                if left.status:
                    report(f"{folder} is left on {self.serial}{_said(left.text)}")
            except DeviceError:
                report(f"{folder} is left on {self.serial}, which doesn't answer")

    def _call(self, *arguments: str, timeout: float | None = None) -> Answer:
        return call(self.adb, "-s", self.serial, *arguments, timeout=timeout or self.timeout)

    def _lost(self, text: str) -> DeviceError:
        return DeviceError(
            f"{self.serial} was lost{_said(text)}",
            "a device that stays connected until the end",
            "check cable and network (adb devices), then start again",
        )

    def _refused(self, what: str, text: str) -> DeviceError:
        if re.search(r"no space left", text, re.IGNORECASE):
            return DeviceError(f"{what}: no space left on it", f"room under {ROOT}", "free space on the device")
        if re.search(r"permission denied|read-only|not permitted", text, re.IGNORECASE):
            remedy = f"allow adb's user to write and execute under {ROOT}: adb -s SERIAL shell ls -ld {ROOT}"
            return DeviceError(f"{what}{_said(text)}", f"permission to use {ROOT}", remedy)
        if re.search(_GONE, text):
            return self._lost(text)
        return DeviceError(f"{what}{_said(text)}", f"a device that takes files under {ROOT}", "try the same by hand")


def connect(adb: str, serial: str | None, timeout: float) -> Device:
    """Returns the device of a serial, or the only one.

    Args:
        adb: name or path of the client.
        serial: as `adb devices` lists it; None where there is one device.
        timeout: seconds that a command on it may take.

    Raises:
        DeviceError: if there is no client, no device or one that isn't ready.
        UsageError: if there are several devices and no serial.
    """
    path = shutil.which(adb)
    if path is None:
        raise DeviceError(
            f"no program {adb}" if adb != "adb" else "no adb on the PATH",
            "the Android Debug Bridge",
            "install it (Debian: adb; elsewhere Android's SDK Platform-Tools), or name it by --adb PATH",
        )
    states = devices(path, timeout)
    listed = ", ".join(f"{name} ({state})" for name, state in states.items()) or "none"
    if not states:
        raise DeviceError(
            "no device",
            "one that adb devices lists",
            "connect it, switch on USB debugging in its developer options, or for one in the network: "
            "adb connect ADDRESS",
        )
    if serial is None and len(states) > 1:
        raise UsageError(f"{len(states)} devices: {listed}", "one, or its serial", "choose one by --serial")
    serial = serial or next(iter(states))
    if serial not in states:
        raise DeviceError(f"no device {serial}", f"one of: {listed}", "check the serial (adb devices)")
    if states[serial] != "device":
        state = states[serial]
        remedy = next((remedy for known, remedy in _STATES.items() if state.startswith(known)), "start its system")
        raise DeviceError(f"{serial} is {state}", "a device that is ready", remedy)
    return Device(path, serial, timeout)


def devices(adb: str, timeout: float) -> dict[str, str]:
    """Returns the state of each device that adb knows, by serial.

    Raises:
        DeviceError: if adb doesn't answer.
    """
    answer = call(adb, "devices", timeout=min(timeout, _SHORT_SECONDS))
    _, header, listed = answer.text.partition("List of devices attached")
    if not header or answer.status:
        raise DeviceError(f"{adb} lists no devices{_said(answer.text)}", "its list", "restart it: adb kill-server")
    # Serials of devices in the network may hold spaces; a tab ends them.
    rows = (row.partition("\t") for row in listed.splitlines())
    return {serial: state.strip() for serial, tab, state in rows if tab}


def version(adb: str) -> str:
    """Returns what adb says of its own version."""
    found = re.search(r"^Version (\S+)", call(adb, "version", timeout=_SHORT_SECONDS).text, re.MULTILINE)
    return found.group(1) if found else "unknown"


def call(adb: str, *arguments: str, timeout: float) -> Answer:
    """Calls adb.

    Args:
        adb: its path.
        *arguments: as they are; no shell sees them here.
        timeout: seconds.

    Raises:
        DeviceError: if it can't be started or doesn't end in time.
    """
    try:
        done = subprocess.run(
            [adb, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        where = arguments[1] if arguments[0] == "-s" else adb
        raise DeviceError(
            f"{where} didn't answer within {timeout:g} seconds",
            "an answer in time",
            "check that the device is awake and connected, or give it longer by --timeout SECONDS",
        ) from None
    except OSError as error:
        raise DeviceError(f"{adb} can't be started: {error.strerror}", "adb", "name it by --adb PATH") from error
    text = done.stdout.decode(errors="replace").replace("\r\n", "\n")
    return Answer(done.returncode, text)


def _said(text: str) -> str:
    """Returns the last line of a text as the end of a message."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f" ({lines[-1]})" if lines else ""
