import pytest

from tfqnoise.benchmark import adb
from tfqnoise.errors import DeviceError, UsageError

HOSTILE = [
    "two words",
    "it's",
    'say "so"',
    "a; touch pwned",
    "$(touch pwned)",
    "`touch pwned`",
    "*",
    "-n",
    "ü\\n",
    "",
]


@pytest.fixture
def device(phone):
    return adb.connect("adb", None, 20.0)


def _serials(phone):
    return {call[1] for call in phone.calls if call[0] == "-s"}


def test_the_only_device_is_found_and_every_command_names_it(phone, device):
    assert device.serial == "R58M"
    assert device.shell("echo", "hello").text == "hello"
    assert _serials(phone) == {"R58M"}


def test_names_reach_the_device_as_they_are(phone, device):
    answer = device.shell("printf", "<%s>", *HOSTILE)
    assert answer == adb.Answer(0, "".join(f"<{name}>" for name in HOSTILE))
    assert not list(phone.home.rglob("pwned"))


def test_files_of_any_name_are_pushed_and_pulled(phone, device, silent, tmp_path):
    with device.workspace(silent) as folder:
        for name in HOSTILE[:-1]:
            (tmp_path / name).write_text(name)
            device.push(tmp_path / name, f"{folder}/file")
            assert device.pull(f"{folder}/file", tmp_path / "back")
            assert (tmp_path / "back").read_text() == name
        assert not device.pull(f"{folder}/none", tmp_path / "none")
    assert not list(tmp_path.rglob("pwned"))
    assert phone.left == []


@pytest.mark.parametrize("passes", [True, False])
@pytest.mark.parametrize("status", [0, 139])
def test_exit_codes_arrive_from_old_devices_too(phone, device, passes, status):
    phone.tell(passes_exit_codes=passes)
    assert device.shell("sh", "-c", f"printf text; exit {status}") == adb.Answer(status, "text")


def test_a_device_that_vanishes_while_adb_ends_with_0_is_lost(phone, device):
    """So does adb 29 where its daemon is killed in the middle of a command."""
    phone.tell(at={"shell": {"text": "start", "status": 0}})
    with pytest.raises(DeviceError, match=r"R58M was lost \(start\)"):
        device.shell("echo", "hello")


def test_a_device_that_hangs_has_a_limit_and_what_runs_there_ends(phone, silent):
    device = adb.connect("adb", None, 3.0)
    with pytest.raises(DeviceError, match="R58M didn't answer within 3 s"), device.workspace(silent) as folder:
        device.run(folder, "sh", "-c", "echo $$ > ../number; exec sleep 60")
    number = phone.home / "device" / "tmp" / "number"
    assert phone.left == [number]
    assert phone.ended(number)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError])
def test_a_folder_is_removed_however_the_work_ends(phone, device, silent, kind):
    folders = []

    def work():
        with device.workspace(silent) as folder:
            folders.append(folder)
            assert len(phone.left) == 1
            raise kind

    for _ in range(2):
        with pytest.raises(kind):
            work()
    assert phone.left == []
    assert len(set(folders)) == 2


def test_what_had_to_be_left_is_said(phone, device):
    said = []

    def lose():
        with device.workspace(said.append) as folder:
            phone.tell(at={"shell": {"text": "error: device offline", "status": 1}})
            device.push(phone.home / "log", f"{folder}/log")
            device.shell("echo", folder)

    with pytest.raises(DeviceError, match="device offline"):
        lose()
    assert said == [f"/data/local/tmp/{phone.left[0].name} is left on R58M, which doesn't answer"]


@pytest.mark.parametrize(
    ("pattern", "text", "match"),
    [
        (
            "push",
            "adb: error: failed to copy 'a' to 'b': remote write failed: No space left on device",
            "no space left",
        ),
        (
            "push",
            "adb: error: failed to copy 'a' to 'b': remote couldn't create file: Permission denied",
            "Permission",
        ),
        ("push", "adb: error: failed to get feature set: device offline", "was lost"),
        ("push", "error: device 'R58M' not found", "was lost"),
        ("push", "adb: error: something new", "something new"),
    ],
)
def test_a_refused_file_says_why(phone, device, silent, pattern, text, match):
    phone.tell(at={pattern: {"text": text, "status": 1}})
    with pytest.raises(DeviceError, match=match), device.workspace(silent) as folder:
        device.push(phone.home / "log", f"{folder}/log")
    assert phone.left == []


def test_a_folder_that_cant_be_made_says_why(phone, device, silent):
    phone.program("mkdir", "echo \"mkdir: '$1': Permission denied\"", "exit 1")
    with pytest.raises(DeviceError, match=r"makes no folder.*Permission denied"), device.workspace(silent):
        pass


@pytest.mark.parametrize(
    ("listed", "serial", "kind", "match"),
    [
        ("", None, DeviceError, "no device"),
        ("a\tdevice\nb\tdevice\n", None, UsageError, r"2 devices: a \(device\), b \(device\)"),
        ("127.0.0.1:5555\tdevice\nemulator-5554\toffline\n", None, UsageError, r"emulator-5554 \(offline\)"),
        ("a\tdevice\nb\tdevice\n", "c", DeviceError, "no device c"),
        ("a\tunauthorized\n", None, DeviceError, "a is unauthorized(?s:.*)question on its screen"),
        ("a\toffline\n", "a", DeviceError, "a is offline(?s:.*)kill-server"),
        (
            "a\tno permissions (verify udev rules); see [developer.android.com/tools/device.html]\n",
            "a",
            DeviceError,
            "no permissions(?s:.*)udev",
        ),
        ("a\trecovery\n", "a", DeviceError, "a is recovery"),
    ],
)
def test_a_device_that_cant_be_used_is_named(phone, listed, serial, kind, match):
    phone.tell(devices=f"List of devices attached\n{listed}\n")
    with pytest.raises(kind, match=match):
        adb.connect("adb", serial, 20.0)


def test_one_of_several_is_chosen_by_its_serial(phone):
    """Also while adb starts its server, and where a serial holds spaces."""
    listed = "adb-39 (2)._adb-tls-connect._tcp\tdevice\nemulator-5554\toffline\n\n"
    phone.tell(
        devices=f"* daemon not running; starting now at tcp:5037\n* daemon started successfully\n"
        f"List of devices attached\n{listed}"
    )
    serial = "adb-39 (2)._adb-tls-connect._tcp"
    assert adb.connect("adb", serial, 20.0).shell("echo", "hello").text == "hello"
    assert _serials(phone) == {serial}


def test_without_a_working_adb_it_is_said_what_to_do(phone, monkeypatch, tmp_path):
    phone.tell(at={"devices": {"text": "adb: failed to check server version: protocol fault", "status": 1}})
    with pytest.raises(DeviceError, match=r"protocol fault(?s:.*)kill-server"):
        adb.connect(phone.adb, None, 20.0)
    broken = tmp_path / "broken"
    broken.write_text("no program")
    broken.chmod(0o755)
    with pytest.raises(DeviceError, match="can't be started"):
        adb.connect(str(broken), None, 20.0)
    with pytest.raises(DeviceError, match="no program /no/adb"):
        adb.connect("/no/adb", None, 20.0)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match=r"no adb on the PATH(?s:.*)--adb PATH"):
        adb.connect("adb", None, 20.0)


def test_its_version_is_read(phone):
    assert adb.version(phone.adb) == "29.0.6-debian"
