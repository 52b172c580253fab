"""Common microcontroller boards, and what a model takes of their memory."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Board:
    """A board.

    Attributes:
        name: with its chip.
        flash: KiB for programs and constants.
        ram: KiB in one piece, since an arena is one array.
    """

    name: str
    flash: int
    ram: int

    def holds(self, flash_bytes: int, ram_bytes: int) -> bool:
        """Returns whether a model of so many bytes has room, with no regard to the program around it."""
        return flash_bytes <= self.flash * 1024 and ram_bytes <= self.ram * 1024


BOARDS = (
    # Arduino, data sheet ABX00030, and Nordic, nRF52840 product specification, "Memory".
    Board("Arduino Nano 33 BLE (nRF52840)", 1024, 256),
    # Ambiq, Apollo3 Blue data sheet: 64 KB close to the core, the other 320 KB right behind.
    Board("SparkFun Edge (Apollo3 Blue)", 1024, 384),
    # ST, DS12023: SRAM1 to SRAM3, 192, 64 and 384 KB, one behind the other.
    Board("NUCLEO-L4R5ZI (STM32L4R5)", 2048, 640),
    # ST, DS10916 and RM0385: DTCM, SRAM1 and SRAM2, 64, 240 and 16 KB, one behind the other.
    Board("STM32F746G-DISCO (STM32F746)", 1024, 320),
    # ST, DS12110: of 1 MB in eight pieces, the largest (AXI SRAM).
    Board("NUCLEO-H743ZI (STM32H743)", 2048, 512),
    # Raspberry Pi, data sheets of Pico and RP2040.
    Board("Raspberry Pi Pico (RP2040)", 2048, 264),
    # Raspberry Pi, data sheets of Pico 2 and RP2350.
    Board("Raspberry Pi Pico 2 (RP2350)", 4096, 520),
    # Espressif, ESP32-S3 technical reference manual, "System and Memory": of 512 KB, SRAM1; caches take of the rest.
    Board("ESP32-S3-DevKitC-1 N8 (ESP32-S3)", 8192, 416),
)


def table(flash_bytes: int, ram_bytes: int) -> str:
    """Returns what share of each board's memory a model takes, and whether it fits.

    Args:
        flash_bytes: of the model.
        ram_bytes: of its activations.
    """
    width = max(len(board.name) for board in BOARDS)
    lines = [f"{'board':<{width}}  flash KiB  taken  RAM KiB  taken"]
    for board in BOARDS:
        flash, ram = (flash_bytes / 1024 / board.flash, ram_bytes / 1024 / board.ram)
        verdict = "fits" if board.holds(flash_bytes, ram_bytes) else "doesn't fit"
        shares = f"{board.flash:>9,}  {flash:>5.0%}  {board.ram:>7,}  {ram:>5.0%}"
        lines.append(f"{board.name:<{width}}  {shares}  {verdict}")
    return "\n".join(lines)
