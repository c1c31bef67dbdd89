"""
Rules of the house that a syntax tree can show; ruff, mypy and the import contracts have the others.

Each rule names what it found with file and line, and its docstring says why the rule is there.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from packcenter.core import (
    alarm_facts,
    case_facts,
    custody_facts,
    facts,
    inputs,
    loop_facts,
    plan_facts,
    receipt_facts,
    tag_facts,
)
from packcenter.core.controller import HANDLERS
from packcenter.core.state import EVOLVE

ROOT = Path(__file__).parent.parent
PRODUCT = sorted((ROOT / "packcenter").rglob("*.py"))
CORE = sorted((ROOT / "packcenter" / "core").glob("*.py"))
SIMULATION = sorted((ROOT / "simulation").rglob("*.py"))
LINES_MAX = 600

CORE_IMPORTS = frozenset(
    {"__future__", "bisect", "collections", "collections.abc", "enum", "functools", "heapq", "msgspec", "types", "typing", "re"}
)
PORTS_ONLY = frozenset({"time", "random", "secrets", "uuid", "socket"})
"""Modules that bring in time, chance, ids or the network; only the real ports use them (`packcenter.ports`)."""

PORTS = ("packcenter/ports.py", "packcenter/real.py", "packcenter/cli/")
"""Where the outside world is named and made. The command line may open files that its user names."""

LONG = {"packcenter/journal/journal.py": 720}
"""Files with leave to be longer: one writer thread and its recovery, which read worse apart."""

UNSAID = {
    "packcenter/config/names.py": {"unknown_name", "check_names", "unique_items", "unique_tables", "unique_numbers"},
    "packcenter/config/rules.py": {"spend"},
    "packcenter/plc/checking.py": {"check"},
    "packcenter/plc/trace.py": {"lines"},
}
"""What still lacks its docstring. This list only gets shorter."""


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def _where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def _dotted(node: ast.AST) -> str:
    """`a.b.c` of an attribute chain, "" of anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return ""


def _imports(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, node.module or ""


def _found(paths: list[Path], rule: Callable[[ast.AST], str]) -> list[str]:
    """What a rule says about the nodes of these files, with where; a rule says "" of what it likes."""
    return [f"{_where(path, node)}: {said}" for path in paths for node in ast.walk(_tree(path)) if (said := rule(node))]


# --- the core is pure -------------------------------------------------------------------------------------------------


def test_the_core_imports_itself_and_a_few_pure_modules() -> None:
    """What the core cannot reach cannot make its decisions differ."""
    found = [
        f"{_where(path, node)}: imports {name}"
        for path in CORE
        for node, name in _imports(_tree(path))
        if name not in CORE_IMPORTS and not name.startswith("packcenter.core")
    ]
    assert not found, "\n".join(found)


def test_the_core_has_no_floats() -> None:
    """They do not compare, and their last bits differ between machines: no literal, no true division, no float()."""

    def rule(node: ast.AST) -> str:
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            return f"float {node.value}"
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            return "true division"
        return "float()" if isinstance(node, ast.Name) and node.id in ("float", "round") else ""

    assert not (found := _found(CORE, rule)), "\n".join(found)


def test_the_core_does_nothing_but_decide() -> None:
    """It prints nothing, opens nothing, waits for nobody, and does not ask what differs between processes (`hash`, `id`)."""
    forbidden = {"print", "open", "input", "eval", "exec", "__import__", "hash", "id", "globals", "vars"}

    def rule(node: ast.AST) -> str:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in forbidden:
            return f"{node.func.id}()"
        if isinstance(node, ast.Global | ast.AsyncFunctionDef | ast.Await):
            return type(node).__name__
        return ""

    assert not (found := _found(CORE, rule)), "\n".join(found)


def _sets_of(paths: list[Path]) -> set[str]:
    """Names and attributes that are given a set somewhere in these files."""
    names = set()
    for path in paths:
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Assign) and _is_set(node.value, set()):
                names |= {_dotted(target).rpartition(".")[2] for target in node.targets}
            elif isinstance(node, ast.AnnAssign) and node.value is not None and _is_set(node.value, set()):
                names.add(_dotted(node.target).rpartition(".")[2])
    return names - {""}


def _is_set(node: ast.AST, named: set[str]) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call):
        return _dotted(node.func) in ("set", "frozenset")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        sides = (node.left, node.right)
        return any(_is_set(side, named) or _dotted(getattr(side, "func", side)).endswith(".keys") for side in sides)
    return bool(named) and _dotted(node).rpartition(".")[2] in named


@pytest.mark.parametrize("folder", ["packcenter/core", "packcenter/projections", "packcenter/replay"])
def test_nothing_that_is_compared_bit_for_bit_iterates_a_set(folder: str) -> None:
    """The order of a set depends on the hash seed; what does not depend on an order may take one."""
    paths = sorted((ROOT / folder).glob("*.py"))
    named = _sets_of(paths)
    calls = [node for path in paths for node in ast.walk(_tree(path)) if isinstance(node, ast.Call)]
    unordered = ("sorted", "sum", "min", "max", "any", "all", "set", "frozenset")
    free = {id(argument) for call in calls if _dotted(call.func) in unordered for argument in call.args}

    def rule(node: ast.AST) -> str:
        iterated = []
        if isinstance(node, ast.For):
            iterated = [node.iter]
        elif isinstance(node, ast.ListComp | ast.DictComp | ast.GeneratorExp) and id(node) not in free:
            iterated = [each.iter for each in node.generators]
        elif isinstance(node, ast.Call) and _dotted(node.func) in ("list", "tuple", "next", "iter", "enumerate", "map"):
            iterated = list(node.args)
        elif isinstance(node, ast.Starred):
            iterated = [node.value]
        return "iterates a set" if any(_is_set(each, named) for each in iterated) else ""

    assert not (found := _found(paths, rule)), "\n".join(found)


# --- everything uncertain comes through the ports ---------------------------------------------------------------------


def _is_port(path: Path) -> bool:
    return path.relative_to(ROOT).as_posix().startswith(PORTS)


def test_time_chance_and_sockets_come_through_the_ports() -> None:
    """So that the real service can run in virtual time, on a simulated disk and network, by seed."""
    found = [
        f"{_where(path, node)}: imports {name}"
        for path in PRODUCT
        if not _is_port(path)
        for node, name in _imports(_tree(path))
        if name.partition(".")[0] in PORTS_ONLY
    ]
    assert not found, "\n".join(found)


def test_files_clocks_and_sleeps_come_through_the_ports() -> None:
    """The same for what is reached without such an import: files, the loop's sleep, the wall clock, os.urandom."""
    forbidden = {"open", "io.open", "os.open", "os.urandom", "asyncio.sleep", "datetime.now", "datetime.today", "datetime.utcnow"}
    methods = {"now", "utcnow", "today"}

    def rule(node: ast.AST) -> str:
        if not isinstance(node, ast.Call):
            return ""
        name = _dotted(node.func)
        tail = ".".join(name.split(".")[-2:])
        if name in forbidden or tail in forbidden:
            return f"{name}()"
        receiver, _, method = name.rpartition(".")
        return f"{name}()" if method in methods and receiver.rpartition(".")[2] in ("datetime", "date") else ""

    found = _found([path for path in PRODUCT if not _is_port(path)], rule)
    assert not found, "\n".join(found)


# --- sources that people read -----------------------------------------------------------------------------------------


def test_a_file_is_one_subject() -> None:
    """Beyond 600 lines a file has two; tables of tests and dashboards may be longer."""
    sizes = {path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines()) for path in [*PRODUCT, *SIMULATION]}
    found = [f"{name}: {lines} lines" for name, lines in sizes.items() if lines > LONG.get(name, LINES_MAX)]
    assert not found, "\n".join(found)
    assert all(sizes[name] > LINES_MAX for name in LONG), "a file of LONG is short again: take it out"


def _public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Functions and classes of a module, and methods of its public classes, that others may use."""
    bodies: list[list[ast.stmt]] = [tree.body]
    while bodies:
        for node in bodies.pop():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                yield node
                if isinstance(node, ast.ClassDef):
                    bodies.append(node.body)


def _protocol_methods() -> set[str]:
    """Names of methods that a protocol of ours declares: whoever implements one does what the protocol says."""
    classes = [node for path in PRODUCT for node in ast.walk(_tree(path)) if isinstance(node, ast.ClassDef)]
    protocols = [node for node in classes if "Protocol" in {_dotted(base).rpartition(".")[2] for base in node.bases}]
    return {each.name for node in protocols for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def _is_property(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    return bool({"property", "setter", "overload"} & {_dotted(each).rpartition(".")[2] for each in node.decorator_list})


def test_what_is_public_says_what_it_does_for_the_reader() -> None:
    """One sentence at least; a property and what a protocol declares may leave it to their name."""
    declared = _protocol_methods()
    silent: dict[str, set[str]] = {}
    for path in PRODUCT:
        for node in _public(_tree(path)):
            if not ast.get_docstring(node) and not _is_property(node) and node.name not in declared:
                silent.setdefault(path.relative_to(ROOT).as_posix(), set()).add(node.name)
    assert silent == UNSAID


def test_modules_say_what_they_are_about() -> None:
    """A newcomer reads the first lines; an empty `__init__.py` has nothing to say."""
    paths = [path for path in [*PRODUCT, *SIMULATION] if path.read_text().strip()]
    found = [str(path.relative_to(ROOT)) for path in paths if not ast.get_docstring(_tree(path))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", sorted((ROOT / "packcenter").rglob("limits.py")), ids=lambda path: path.parent.name)
def test_every_limit_has_its_reason_beside_it(path: Path) -> None:
    """Every queue, loop and wait has a maximum, and whoever changes it must know why it is what it is."""
    body = _tree(path).body
    found = []
    for at, node in enumerate(body):
        if isinstance(node, ast.Assign | ast.AnnAssign):
            after = body[at + 1] if at + 1 < len(body) else None
            if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant) and isinstance(after.value.value, str)):
                found.append(_where(path, node))
    assert not found, "\n".join(found)


# --- tables are complete ----------------------------------------------------------------------------------------------


def test_every_fact_has_its_evolve_entry_and_is_one_of_the_facts() -> None:
    """A fact that the state does not know would be lost at recovery."""
    modules = (facts, alarm_facts, custody_facts, plan_facts, receipt_facts, loop_facts, case_facts)
    bases = (
        facts._Fact,
        alarm_facts._AlarmFact,
        custody_facts._CustodyFact,
        plan_facts._PlanFact,
        receipt_facts._ReceiptFact,
        loop_facts._LoopFact,
        case_facts._CaseFact,
    )
    known = [fact for module in modules for fact in vars(module).values()]
    defined = {each for each in known if isinstance(each, type) and issubclass(each, bases) and each not in bases}
    assert EVOLVE.keys() == set(get_args(facts.Fact))
    assert defined | {facts.HallAdopted, tag_facts.TagMade} == set(get_args(facts.Fact))


def test_every_input_has_its_handler() -> None:
    """What can happen is answered by exactly one rule."""
    assert HANDLERS.keys() == set(get_args(inputs.Input))


# --- nothing of this machine ------------------------------------------------------------------------------------------


def _tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("not a git work tree")
    return [ROOT / name for name in done.stdout.decode().split("\0") if name]


_MACHINE = re.compile(r"(?<![\w.$}~-])/(?:ro" + r"ot|wo" + r"rk|ho" + r"me)/[\w.-]+")
_REGISTRY = re.compile(
    r"https?://[\w.:@-]*(?:py" + r"pi|pythonhosted|artif" + r"actory|nex" + r"us|npm" + r"js|registry)[\w.:/-]*"
)


def test_no_file_names_this_machine_or_a_package_registry() -> None:
    """Paths and hosts of where it was written mean nothing where it runs."""
    found = []
    for path in _tracked():
        if not path.is_file() or path.suffix in (".png", ".jpg", ".woff2"):
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            hit = _MACHINE.search(line) or _REGISTRY.search(line)
            if hit:
                found.append(f"{path.relative_to(ROOT)}:{number}: {hit.group()}")
    assert not found, "\n".join(found)
