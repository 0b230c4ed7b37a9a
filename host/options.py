"""A small table-driven parser of flags. (argparse would cost a third of the time the whole command may take, reads flags
behind the program's name as its own, and does not say which flag was probably meant.)"""
from __future__ import annotations

from collections.abc import Callable

from failure import usage


class Flag:
    """One flag. Without `value` it is a switch; with it, a value follows (`--flag V`, `--flag=V`, `-fV`)."""

    __slots__ = ("name", "short", "value", "help", "default", "parse", "repeat")

    def __init__(self, name: str, help: str, value: str = "", short: str = "", default: object = None,
                 parse: Callable[[str], object] = str, repeat: bool = False) -> None:
        self.name, self.short, self.value, self.help = name, short, value, help
        self.default: object = [] if repeat else default if value else False
        self.parse, self.repeat = parse, repeat

    def spelled(self) -> str:
        names = f"-{self.short}, --{self.name}" if self.short else f"    --{self.name}"
        return f"{names} {self.value}" if self.value else names


class Parsed:
    """Values by flag name (dashes kept), and the words that were no flags."""

    def __init__(self, flags: list[Flag]) -> None:
        self.values: dict[str, object] = {flag.name: list(flag.default) if flag.repeat else flag.default for flag in flags}
        self.words: list[str] = []

    def __getitem__(self, name: str):
        return self.values[name]

    def get(self, name: str):
        """None if the command has no such flag."""
        return self.values.get(name)


def parse(command: str, flags: list[Flag], arguments: list[str], words: int | None = 0) -> Parsed:
    """Reads flags until `--` or the first word. `words`: how many words may follow; None: any number, all that follows
    the first word belongs to the program to run. Raises a usage Failure that names what was probably meant."""
    parsed = Parsed(flags)
    position = 0
    while position < len(arguments):
        argument = arguments[position]
        position += 1
        if argument == "--":
            parsed.words += arguments[position:]
            break
        if argument == "-" or not argument.startswith("-"):
            if words is None:
                parsed.words += arguments[position - 1:]
                break
            parsed.words.append(argument)
            continue
        flag, value = _find(command, flags, argument)
        if not flag.value:
            if value is not None:
                raise usage(f"{argument.split('=')[0]} takes no value (portico help {command})")
            parsed.values[flag.name] = True
            continue
        if value is None:
            if position == len(arguments) or arguments[position] == "--":
                raise usage(f"{argument} needs a value: {flag.spelled().strip()} (portico help {command})")
            value = arguments[position]
            position += 1
        _store(parsed, flag, value)
    if words is not None and len(parsed.words) > words:
        raise usage(f"'{command}' does not take '{parsed.words[words]}' (portico help {command})")
    return parsed


def _store(parsed: Parsed, flag: Flag, text: str) -> None:
    try:
        value = flag.parse(text)
    except ValueError as error:
        raise usage(f"--{flag.name} {text}: {error}") from None
    if flag.repeat:
        parsed.values[flag.name].append(value)  # type: ignore[attr-defined]
    else:
        parsed.values[flag.name] = value


def _find(command: str, flags: list[Flag], argument: str) -> tuple[Flag, str | None]:
    if argument.startswith("--"):
        name, equals, value = argument[2:].partition("=")
        for flag in flags:
            if flag.name == name:
                return flag, value if equals else None
    else:
        name = argument[1:2]
        for flag in flags:
            if flag.short == name:
                rest = argument[2:]
                return flag, rest.removeprefix("=") if rest else None
    raise usage(_unknown(command, flags, argument.partition("=")[0]))


def _unknown(command: str, flags: list[Flag], spelled: str) -> str:
    names = [f"--{flag.name}" for flag in flags] + [f"-{flag.short}" for flag in flags if flag.short]
    hint = nearest(spelled, names) or nearest(f"--{spelled.lstrip('-')}", names)
    meant = f"did you mean {hint}? " if hint else ""
    return f"unknown flag {spelled}; {meant}(portico help {command} lists all; write -- before a program that starts with a dash)"


def nearest(word: str, known: list[str]) -> str | None:
    import difflib  # only on the way to an error message

    found = difflib.get_close_matches(word, known, 1, 0.6)
    return found[0] if found else None


def described(flags: list[Flag]) -> str:
    width = max((len(flag.spelled()) for flag in flags), default=0) + 2
    return "\n".join(f"  {flag.spelled():{width}}{flag.help}" for flag in flags)


def memory(text: str) -> int:
    """'256M' → bytes; the unit is K, M or G, M if there is none."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    unit = text[-1:].upper()
    number = text[:-1] if unit in units else text
    if not number.isascii() or not number.isdigit() or int(number) == 0:
        raise ValueError("not an amount of memory; write e.g. 256M or 2G (units: K, M, G)")
    return int(number) * units.get(unit, units["M"])


def count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 255:
        raise ValueError("not a number from 1 to 255")
    return int(text)


def seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise ValueError("not a number of seconds above 0")
    return value


def choice(*allowed: str) -> Callable[[str], object]:
    def parse_choice(text: str) -> str:
        if text not in allowed:
            hint = nearest(text, list(allowed))
            raise ValueError(f"not one of {', '.join(allowed)}" + (f"; did you mean {hint}?" if hint else ""))
        return text

    return parse_choice
