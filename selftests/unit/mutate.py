#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Break the pure core one token or statement at a time: which breakage does no test notice?

Usage: mutate.py [name ...]      name of a core file without .c, default all that have a test

Prints each mutant that survives its test program, then the score. A survivor is a
missing test or code that makes no difference; it is for a person to judge.
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
CORE = TOP / "module" / "core"
CC = os.environ.get("CC", "gcc")
FLAGS = ["-std=gnu11", "-O1", "-w", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

SWAPS = [
    (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "),
    (r" == ", " != "), (r" != ", " == "), (r" && ", " || "), (r" \|\| ", " && "),
    (r" \+ ", " - "), (r" - ", " + "), (r" \+= ", " -= "), (r" -= ", " += "),
    (r" << ", " >> "), (r" >> ", " << "), (r" & ", " | "), (r" \| ", " & "),
    (r" \* ", " + "), (r" / ", " * "), (r" \^ ", " | "), (r"!(?=[a-z(])", ""),
    (r"_min_u", "_max_u"), (r"_max_u", "_min_u"), (r"(?<=[ (])-(?=[a-z0-9])", ""),
    (r"\+\+", "--"), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
]
NUMBER = re.compile(r"(?<![\w.])(\d+)(?=[UL]*\b)(?!x)")
DECLARATION = re.compile(r"^\t(u8|u16|u32|u64|bool) \w+( : \d+|\[\w+\])?;")
STATEMENT = re.compile(r"^\t+[a-z_>\-.*()\[\]0-9]+(\(.*\)| [-+|&^>]*>?= .*|\+\+|--);")


def mutants(lines):
    """Yield (line number, new text) for every way to break one line."""
    comment = False
    for n, line in enumerate(lines):
        text = line.strip()
        comment = comment or text.startswith("/*")
        ends = text.endswith("*/")
        skip = text.startswith(("/", "static const")) or DECLARATION.match(line)
        if comment or skip or not line.startswith("\t"):
            comment = comment and not ends
            continue
        code = line.split(" /*")[0]
        tail = line[len(code):]
        for pattern, new in SWAPS:
            for m in re.finditer(pattern, code):
                yield n, code[:m.start()] + new + code[m.end():] + tail
        for m in NUMBER.finditer(code):
            yield n, code[:m.start()] + str(int(m[1]) + 1) + code[m.end():] + tail
        if STATEMENT.match(code):
            yield n, "\t;"
        if text == "return;":
            yield n, "\t;"


def compile_to(out, source, *include):
    """Compile one file; True if that worked."""
    return subprocess.run([CC, *FLAGS, *include, "-I", str(TOP / "include"), "-I", str(HERE),
                           "-I", str(CORE), "-c",
                           "-o", str(out), str(source)],
                          stderr=subprocess.DEVNULL, check=False).returncode == 0


def prepare(objects, names):
    """Compile what no mutant touches once: the core, the simulator and the tests."""
    simulator = [HERE / "sim" / "sim_net.c", HERE / "sim" / "sim_snd.c"]
    for source in [*CORE.glob("*.c"), *simulator, *(HERE / f"test_{n}.c" for n in names)]:
        if not compile_to(objects / f"{source.stem}.o", source):
            sys.exit(f"{source} does not compile")


def survives(objects, name, path, n, text):
    """Build the test program with one line replaced; True if all its tests pass."""
    with tempfile.TemporaryDirectory() as tmp:
        tmp = pathlib.Path(tmp)
        lines = path.read_text().split("\n")
        lines[n] = text
        (tmp / "xtcp").mkdir()
        (tmp / "xtcp" / path.name).write_text("\n".join(lines))
        fresh = [CORE / f"{name}.c", HERE / f"test_{name}.c"]
        if path.suffix == ".c":
            fresh = [tmp / "xtcp" / path.name]
        fresh = [f for f in fresh if f.exists()]
        for source in fresh:
            if not compile_to(tmp / f"{source.stem}.o", source, "-I", str(tmp)):
                return False
        new = {f.stem for f in fresh}
        tests = {p.stem for p in HERE.glob("test_*.c")} - {f"test_{name}"}
        old = [o for o in objects.glob("*.o") if o.stem not in new | tests]
        link = [CC, *FLAGS, "-o", str(tmp / "t"), *(str(tmp / f"{s}.o") for s in new),
                *map(str, old)]
        if subprocess.run(link, stderr=subprocess.DEVNULL, check=False).returncode:
            return False
        try:
            run = subprocess.run([str(tmp / "t")], timeout=20, check=False,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except subprocess.TimeoutExpired:
            return False
        return run.returncode == 0


def targets(names):
    for name in names:
        for path in (CORE / f"{name}.c", TOP / "include" / "xtcp" / f"{name}.h"):
            if path.exists():
                yield name, path


def main():
    names = sys.argv[1:] or [p.stem[5:] for p in sorted(HERE.glob("test_*.c"))]
    jobs = []
    for name, path in targets(names):
        jobs += [(name, path, n, t) for n, t in mutants(path.read_text().split("\n"))]
    alive = 0
    with (tempfile.TemporaryDirectory() as objects,
          concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool):
        objects = pathlib.Path(objects)
        prepare(objects, names)
        for job, lives in zip(jobs, pool.map(lambda j: survives(objects, *j), jobs)):
            if lives:
                alive += 1
                print(f"{job[1].relative_to(TOP)}:{job[2] + 1}: {job[3].strip()}")
    print(f"{len(jobs) - alive} of {len(jobs)} mutants noticed")


if __name__ == "__main__":
    main()
