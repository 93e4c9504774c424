"""The text of `refusals`: one exception class for each error that a contract's ABI declares.

python -m headwater_contracts.build writes it with the artifacts it is made from.
"""

import re
from collections.abc import Mapping

from headwater_contracts.abi import AbiItem
from headwater_contracts.artifacts import CONTRACTS, load_artifact
from headwater_contracts.events.event import field_name
from headwater_contracts.reverts import TRANSFER_ERRORS

_PYTHON_TYPES = {"address": "Address", "bool": "bool", "string": "str", "bytes": "bytes"}


def refusal_modules() -> dict[str, str]:
    """The text of each module by its file's name.

    An error that several contracts declare stands with the first of them, in the order of
    `CONTRACTS`. Two errors of one name and different values are told apart by their contract.
    """
    modules: dict[str, str] = {}
    seen: set[bytes] = set()
    names: dict[str, str] = {}
    for contract in CONTRACTS:
        fresh = {
            selector: item
            for selector, item in load_artifact(contract).abi.errors.items()
            if selector not in seen
        }
        seen |= fresh.keys()
        classes: dict[str, tuple[bytes, AbiItem]] = {}
        for selector, item in sorted(fresh.items(), key=lambda pair: pair[1].signature):
            name = f"{item.name}Error"
            if name in names:
                name = f"{contract}{name}"
            names[name] = _module_name(contract)
            classes[name] = (selector, item)
        if classes:
            modules[f"{_module_name(contract)}.py"] = _module(contract, classes)
    modules["__init__.py"] = _index(names)
    return modules


def _module(contract: str, classes: Mapping[str, tuple[bytes, AbiItem]]) -> str:
    bodies = [_class(name, selector, item) for name, (selector, item) in classes.items()]
    text = "\n\n".join(bodies)
    bases = sorted({_base(item) for _, item in classes.values()})
    address = "from headwater_payments.address import Address\n" if ": Address" in text else ""
    return (
        f'"""Why `{contract}` refuses, one class an error; made from its ABI."""\n\n'
        "from typing import ClassVar\n\n"
        f"from headwater_contracts.reverts import {', '.join(bases)}\n{address}\n\n{text}"
    )


def _class(name: str, selector: bytes, item: AbiItem) -> str:
    values = [
        (_attribute(value), _python_type(kind))
        for value, kind in zip(item.input_names, item.inputs, strict=True)
    ]
    declared = ", ".join(
        f"{kind} {value}" for value, kind in zip(item.input_names, item.inputs, strict=True)
    )
    lines = [f"class {name}({_base(item)}):", f'    """`{item.name}({declared})`."""', ""]
    lines.append(f'    selector: ClassVar[bytes] = bytes.fromhex("{selector.hex()}")')
    if values:
        fields = ", ".join(f'"{value}"' for value, _ in values)
        comma = "," if len(values) == 1 else ""
        lines.append(f"    fields: ClassVar[tuple[str, ...]] = ({fields}{comma})")
        lines += [f"    {value}: {kind}" for value, kind in values]
    return "\n".join(lines) + "\n"


def _index(names: Mapping[str, str]) -> str:
    modules = sorted(set(names.values()))
    imports = "\n".join(f"    {module}," for module in modules)
    listed = "".join(f"        {module},\n" for module in modules)
    return (
        '"""A class for every custom error of every contract, by selector; made of the ABIs."""'
        "\n\n"
        "from collections.abc import Mapping\nfrom typing import Final\n\n"
        f"from headwater_contracts.refusals import (\n{imports}\n)\n"
        "from headwater_contracts.reverts import ContractRevertError\n\n"
        "KINDS: Final[Mapping[bytes, type[ContractRevertError]]] = {\n"
        "    kind.selector: kind\n"
        f"    for module in (\n{listed}    )\n"
        "    for kind in vars(module).values()\n"
        "    if isinstance(kind, type) and issubclass(kind, ContractRevertError)\n"
        "    if kind.selector\n"
        "}\n"
    )


def _base(item: AbiItem) -> str:
    return "TransferRefusedError" if item.name in TRANSFER_ERRORS else "ContractRevertError"


def _module_name(contract: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", contract).lower()


def _attribute(value: str) -> str:
    # A field may not be called as the type of others.
    name = field_name(value)
    return f"{name}_" if name == "str" else name


def _python_type(kind: str) -> str:
    if kind.startswith(("uint", "int")):
        return "int"
    return _PYTHON_TYPES.get(kind, "bytes")
