"""Which AWS operations each command may call, read from the Rust sources.

A call graph by names: every function of `src`, the functions that its body names, and the SDK
operations that it sends. Where a name could be several functions (a method, whatever it is called
on) all of them are taken, as long as they stand in a room that the caller's file imports from. So
nothing that can be called is missed; that not too much is found, the roles of the infrastructure
show, which are compared with it.

A type's method counts only once something that runs names the type, in its code, in its signature or
as a field of another such type: what nobody has nobody can call.

usage: calls.py SRC    prints, as JSON, the operations of each command
"""

import json
import re
import sys
from collections import defaultdict
from pathlib import Path

# An item's name is followed by what it takes, or by its generics.
FUNCTION = re.compile(r"\bfn\s+([a-z_0-9]+)\s*[<(]")
OPERATION = re.compile(r"\bclient(?:\(\))?\s*\.\s*([a-z0-9_]+)\(\)")
# What a transaction holds is what AWS asks permissions for.
IN_TRANSACTION = re.compile(r"\b(Put|Update|Delete|ConditionCheck)::builder\(\)")
SDK = re.compile(r"\baws_sdk_([a-z0-9]+)")
CLIENT = re.compile(r"\baws_sdk_([a-z0-9]+)::Client\b")
NAMED_CLIENT = re.compile(r"\b(?!client\b)(\w+):\s*&?aws_sdk_([a-z0-9]+)::Client\b")
ROLE = re.compile(r"\bAssumeRoleProvider::builder\b")
# `Type::name`, `name(`, `.name(`: and functions handed on by name, `map(Self::name)`.
QUALIFIED = re.compile(r"\b([A-Z]\w*|[a-z_]\w*)::(?:<[^>]*>::)?([a-z_]\w*)\b")
METHOD = re.compile(r"(\bself\s*)?\.\s*([a-z_]\w*)\s*(?:::<[^()]*?>)?(?=\()")
BARE = re.compile(r"(?<![.:\w])([a-z_]\w*)\s*(?:::<[^()]*?>)?\(")
ARGUMENT = re.compile(r"[(,]\s*([a-z_]\w*)\s*[,)]")
RESULT = re.compile(r"\s*(?:\?|\.\s*(?:map|map_err|ok|is_ok|is_err|unwrap_or\w*)\s*\()")
TYPE = re.compile(r"\b([A-Z]\w*)\b")
FOREIGN = re.compile(r"\b(?:mpsc|oneshot|watch|tokio|std|io|fs|aws_sdk_\w+)(?:::\w+)*::[A-Z]\w*")
VARIANT = re.compile(r"\b([A-Z]\w*)::[A-Z]\w*")

# What one asks of a client and that is no call.
NOT_AN_OPERATION = {"config", "clone"}


def blank(text):
    """The code with comments and literals blanked out."""

    def spaces(found):
        blanked = re.sub(r"[^\n]", " ", found.group(0))
        # A literal stays an argument among others.
        return blanked if found.group(0).startswith("/") else "0" + blanked[1:]

    pattern = r'//[^\n]*|/\*.*?\*/|b?r(#*)".*?"\1|b?"(?:\\.|[^"\\])*"|\'(?:\\.[^\']*|[^\'\\])\''
    return re.sub(pattern, spaces, text, flags=re.DOTALL)


def end_of_block(code, opening):
    depth = 0
    for brace in re.compile(r"[{}]").finditer(code, opening):
        depth += 1 if brace.group(0) == "{" else -1
        if depth == 0:
            return brace.end()
    return len(code)


def without_tests(code):
    """The code without `#[cfg(test)]` items, and the modules that are only for tests."""
    modules = set()
    while (found := re.search(r"#\[cfg\(test\)\]", code)) is not None:
        start = found.start()
        module = re.compile(r"(?:\s|#\[[^\]]*\])*(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;")
        if (declared := module.match(code, found.end())) is not None:
            modules.add(declared.group(1))
            end = declared.end()
        else:
            brace, semicolon = code.find("{", start), code.find(";", start)
            is_statement = semicolon != -1 and (brace == -1 or semicolon < brace)
            end = semicolon + 1 if is_statement else end_of_block(code, brace)
        code = code[:start] + re.sub(r"[^\n]", " ", code[start:end]) + code[end:]
    return code, modules


class Function:
    """A function, where it is and what it says of itself."""

    def __init__(self, file, owner, is_of_trait, head, signature, body):
        self.file, self.owner, self.body = file, owner, body
        self.name = FUNCTION.search(signature).group(1)
        self.names = types_in(signature) | types_in(body)
        self.is_public = "pub" in head or is_of_trait
        self.is_async = "async" in head or "Future<" in signature
        # A function that is not async makes a future only if it says so somewhere.
        self.may_await = self.is_async or re.search(r"\basync\b", body) is not None
        parameters, _ = arguments(signature[FUNCTION.search(signature).end(1) :])
        self.is_method = bool(parameters) and re.search(r"\bself\b", parameters[0]) is not None
        self.arity = len(parameters) - self.is_method
        self.operations = set()


class Sources:
    def __init__(self, src):
        self.codes = {}
        tests = set()
        for path in sorted(Path(src).rglob("*.rs")):
            file = path.relative_to(src).as_posix()
            self.codes[file], modules = without_tests(blank(path.read_text()))
            folder = file.removesuffix("/mod.rs").removesuffix(".rs")
            tests |= {f"{folder}/{module}" for module in modules}
        self.codes = {
            file: code
            for file, code in self.codes.items()
            if not any(file.startswith((f"{test}.rs", f"{test}/")) for test in tests)
        }
        self.functions = [f for file in self.codes for f in self.functions_of(file)]
        self.by_name = defaultdict(list)
        for function in self.functions:
            self.by_name[function.name].append(function)
        self.fields = self.fields_of_types()
        self.calls_known = {}
        self.imports = {
            file: [set(re.findall(r"\w+", use)) for use in re.findall(r"\buse\b[^;]*;", code)]
            for file, code in self.codes.items()
        }
        self.rooms = self.reachable_rooms()

    @staticmethod
    def room(file):
        return file.split("/")[0].removesuffix(".rs")

    def reachable_rooms(self):
        """The rooms that each room can call into: itself, those that it imports, and theirs."""
        imports = defaultdict(set)
        for file, code in self.codes.items():
            named = set(re.findall(r"\bcrate::(\w+)", code))
            for group in re.findall(r"\bcrate::\{(.*?)\};", code, re.DOTALL):
                named |= set(re.findall(r"(?:^|,)\s*(\w+)", group))
            imports[self.room(file)] |= named
        reachable = {}
        for room in list(imports):
            reachable[room], todo = {room}, [room]
            while todo:
                new = imports[todo.pop()] - reachable[room]
                reachable[room] |= new
                todo += new
        return reachable

    def functions_of(self, file):
        code = self.codes[file]
        owners = []
        for found in re.finditer(r"\b(?:impl|trait)\b[^{};]*\{", code):
            head = found.group(0)
            subject = head.split(" for ")[-1] if " for " in head else head
            subject = re.sub(r"^\s*(?:impl|trait)\s*", "", subject)
            if subject.startswith("<"):
                subject = skip_generics(subject)
            names = re.findall(r"[A-Z]\w*", subject)
            owner, is_of_trait = next(iter(names), None), " for " in head or "trait " in head
            end = end_of_block(code, found.end() - 1)
            owners.append((found.end() - 1, end, owner, is_of_trait))
        sdks = set(SDK.findall(code))
        for found in FUNCTION.finditer(code):
            opening = body_of(code, found.end() - 1)
            if opening is None:
                continue
            body = code[opening : end_of_block(code, opening)]
            around = [o for o in owners if o[0] < found.start() < o[1]]
            owner, is_of_trait = around[-1][2:] if around else (None, False)
            line = code.rfind("\n", 0, found.start()) + 1
            head, signature = code[line : found.start()], code[found.start() : opening]
            function = Function(file, owner, is_of_trait, head, signature, body)
            function.operations = self.operations(file, body, clients_in(signature, body) or sdks)
            yield function

    def operations(self, file, body, sdks):
        services = sdks or self.sdks_of_room(file)
        found = {name for name in OPERATION.findall(body) if name not in NOT_AN_OPERATION}
        found |= {snake(name) + "_item" for name in IN_TRANSACTION.findall(body) if name != "ConditionCheck"}
        if "ConditionCheck::builder" in body:
            found.add("condition_check_item")
        operations = {(self.service_of(file, name, services), name) for name in found}
        # Of several clients each has a name of its own.
        for client, service in set(NAMED_CLIENT.findall(self.codes[file])):
            asked = re.findall(rf"\b{client}\s*\.\s*([a-z0-9_]+)\(\)", body)
            operations |= {(service, name) for name in asked if name not in NOT_AN_OPERATION}
        if ROLE.search(body):
            operations.add(("sts", "assume_role"))
        return operations

    def sdks_of_room(self, file):
        """A file of a folder uses the client that the folder's head file names."""
        head = file
        while "/" in head:
            head = head.rsplit("/", 1)[0]
            for candidate in (f"{head}.rs", f"{head}/mod.rs"):
                sdks = set(SDK.findall(self.codes.get(candidate, "")))
                if sdks:
                    return sdks
        return set()

    @staticmethod
    def service_of(file, name, services):
        if file.startswith("store/"):
            return "dynamodb"
        assert len(services) == 1, f"{file}: which service is `{name}` of? {sorted(services)}"
        return next(iter(services))

    def calls(self, function):
        """The functions that a function may call."""
        body = function.body
        called = set()
        for qualifier, name in QUALIFIED.findall(body):
            if qualifier == "Self":
                called |= {f for f in self.by_name[name] if f.owner == function.owner and f.owner}
            elif qualifier[0].isupper():
                called |= {f for f in self.by_name[name] if f.owner == qualifier}
            else:
                called |= {f for f in self.by_name[name] if not f.owner and in_module(f, qualifier)}
        for found in METHOD.finditer(body):
            methods = [f for f in self.by_name[found.group(2)] if f.is_method]
            own = [f for f in methods if f.owner == function.owner and found.group(1)]
            taken, end = arguments(body[found.end() :])
            # What `?` or a result's method is put to is no future.
            is_result = RESULT.match(body, found.end() + end) is not None
            fitting = {f for f in own or methods if f.arity == len(taken)}
            called |= {f for f in fitting if not (is_result and f.is_async)}
        for name in BARE.findall(body) + ARGUMENT.findall(body):
            called |= self.known_as(name, function.file)
        return {f for f in called if self.may_call(function, f)}

    def may_call(self, caller, called):
        """What the compiler would allow, as far as rooms, privacy and waiting go."""
        module = re.sub(r"(/mod)?\.rs$", "", called.file)
        is_inside = re.sub(r"\.rs$", "", caller.file).startswith(module)
        is_in_reach = self.room(called.file) in self.rooms[self.room(caller.file)]
        is_waited_for = caller.may_await or not called.is_async
        return is_in_reach and is_waited_for and (called.is_public or is_inside)

    def known_as(self, name, file):
        """The free functions that a file means by a name: its own, or those that it imports."""
        free = [f for f in self.by_name[name] if not f.owner]
        own = {f for f in free if f.file == file}
        if own:
            return own
        known = set()
        for use in (use for use in self.imports[file] if name in use):
            rooms = use if "crate" in use else {self.room(file)}
            there = {f for f in free if self.room(f.file) in rooms}
            # Named by its module where the room does not hand it on.
            known |= {f for f in there if use & set(re.findall(r"\w+", f.file)[1:-1])} or there
        return known

    def reached_from(self, starts, within):
        """Every function that may run when `starts` do, as far as `within` allows."""
        reached, asleep, todo = set(), set(), list(starts)
        named = {function.owner for function in starts}
        while todo:
            function = todo.pop()
            if function in reached:
                continue
            if function.is_method and function.owner not in named:
                asleep.add(function)
                continue
            reached.add(function)
            self.name(named, function.names)
            todo += [f for f in self.called_by(function) if within(f)]
            awake = {f for f in asleep if f.owner in named}
            asleep -= awake
            todo += awake
        return reached

    def name(self, named, types):
        """Adds types and what they have as fields."""
        todo = list(types - named)
        while todo:
            one = todo.pop()
            if one not in named:
                named.add(one)
                todo += self.fields.get(one, ())

    def fields_of_types(self):
        """The types that stand in the definition of each type."""
        fields = defaultdict(set)
        for code in self.codes.values():
            for found in re.finditer(r"\b(?:struct|enum|type)\s+(\w+)", code):
                brace, semicolon = code.find("{", found.end()), code.find(";", found.end())
                is_short = semicolon != -1 and (brace == -1 or semicolon < brace)
                end = semicolon if is_short else end_of_block(code, brace)
                definition = code[found.end() : end]
                if found.group(0).startswith("enum"):
                    # A variant is no type; what stands in it is.
                    definition = re.sub(r"\b[A-Z]\w*(?=\s*(?:[,({}=]|$))", "", definition)
                    definition = " ".join(re.findall(r"[(:<]\s*[^,]*", definition))
                fields[found.group(1)] |= types_in(definition)
        return fields

    def called_by(self, function):
        if function not in self.calls_known:
            self.calls_known[function] = self.calls(function)
        return self.calls_known[function]


def types_in(code):
    """The types that code names. A variant often has the name of what it holds, and is none; nor is
    what `mpsc::Sender` or `tokio::sync::mpsc::Sender` means."""
    return set(TYPE.findall(VARIANT.sub(r"\1", FOREIGN.sub("", code))))


def arguments(text):
    """What the parentheses hold that a text begins with, generics aside, and where they end."""
    start = text.index("(") if not text.startswith("<") else len(text) - len(skip_generics(text))
    start = text.index("(", start)
    depth, end = 0, len(text)
    for letter in re.compile(r"[()]").finditer(text, start):
        depth += 1 if letter.group(0) == "(" else -1
        if depth == 0:
            end = letter.start()
            break
    inside = re.sub(r"\|[^|()]*(?:\([^()]*\)[^|()]*)*\|", "", text[start + 1 : end])
    inside = inside.replace("->", "").replace("=>", "")
    while (smaller := re.sub(r"[(\[{<][^()\[\]{}<>]*[)\]}>]", "", inside)) != inside:
        inside = smaller
    return [argument for argument in inside.split(",") if argument.strip()], end + 1


def skip_generics(text):
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter == "<") - (letter == ">" and text[at - 1] != "-")
        if depth == 0:
            return text[at + 1 :]
    return text


def clients_in(*codes):
    """The services whose clients a function names: of a file with several, which one it asks."""
    return next((set(found) for code in codes if (found := CLIENT.findall(code))), set())


def in_module(function, module):
    path = function.file.removesuffix(".rs").removesuffix("/mod").split("/")
    return module in path or module in ("super", "crate", "self")


def body_of(code, at):
    """Where the body of a function opens; nowhere where it has none."""
    inside = 0
    for place in range(at, len(code)):
        letter = code[place]
        inside += letter in "([" or -(letter in ")]")
        if inside == 0 and letter == ";":
            return None
        if inside == 0 and letter == "{":
            return place
    return None


def snake(name):
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def commands(sources):
    """The files of the commands: what `cli/mod.rs` lists."""
    return re.findall(r"^\s+\w+\((\w+)::\w+\),", sources.codes["cli/mod.rs"], re.MULTILINE)


def operations_of_commands(src, unasked=None):
    """Of each command: service and operation of every call that it may make. `unasked` names, by
    command, functions and types that only an option needs which it is not given."""
    sources = Sources(src)
    runs = {}
    for command in commands(sources):
        own = (f"cli/{command}.rs", f"cli/{command}/")
        runs[command] = [
            f for f in sources.functions if f.file.startswith(own) and f.name == "run"
        ]
        assert runs[command], f"no `run` in {own[0]}"
    every = {}
    for command, starts in runs.items():
        # No command runs another; it may use what the other's file has for all.
        others = {f.owner for c, fs in runs.items() if c != command for f in fs}
        left_out = (unasked or {}).get(command, set())
        within = lambda f: not (
            (f.owner in others and f.file.startswith("cli/"))
            or is_embedded(f)
            or left_out & {f.name, f.owner}
        )
        reached = sources.reached_from(starts, within)
        every[command] = sorted({operation for f in reached for operation in f.operations})
    return every


def is_embedded(function):
    """The store in a file, which is no AWS: it alone makes its table whenever it is opened."""
    return function.file == "store/embedded.rs" or function.name == "embedded"


if __name__ == "__main__":
    json.dump(operations_of_commands(sys.argv[1]), sys.stdout, indent=1)
