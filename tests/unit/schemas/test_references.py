"""Schemas that refer to others become whole."""

import json
from typing import Any

import pytest

from schemas import contract
from schemas.references import whole

MONEY = {"type": "record", "name": "Money", "namespace": "shop", "fields": [{"name": "amount", "type": "string"}]}


def resolved(schema: Any, **referenced: Any) -> Any:
    return json.loads(whole(json.dumps(schema), {name.replace("_", "."): json.dumps(text) for name, text in referenced.items()}))


def record(*types: Any, namespace: str = "shop") -> dict[str, Any]:
    fields = [{"name": f"f{number}", "type": kind} for number, kind in enumerate(types)]
    return {"type": "record", "name": "Order", "namespace": namespace, "fields": fields}


@pytest.mark.parametrize("name", ["shop.Money", "Money"])
def test_the_first_use_is_written_out_and_the_next_names_it(name: str) -> None:
    made = resolved(record(name, ["null", name]), shop_Money=MONEY)
    assert [field["type"] for field in made["fields"]] == [MONEY, ["null", "shop.Money"]]
    assert contract.parse(json.dumps(made))["name"] == "shop.Order"


@pytest.mark.parametrize("around", [lambda t: {"type": "array", "items": t}, lambda t: {"type": "map", "values": t}, lambda t: ["null", t]])
def test_wherever_a_type_may_stand(around: Any) -> None:
    assert contract.parse(json.dumps(resolved(record(around("shop.Money"), "string"), shop_Money=MONEY)))


def test_references_of_references() -> None:
    line = {"type": "record", "name": "shop.Line", "fields": [{"name": "price", "type": "Money"}]}
    made = resolved(record("Line", "Money"), shop_Line=line, shop_Money=MONEY)
    assert made["fields"][0]["type"]["fields"][0]["type"] == MONEY
    assert made["fields"][1]["type"] == "shop.Money"
    assert contract.parse(json.dumps(made))


def test_a_type_without_a_namespace_keeps_none() -> None:
    made = resolved(record("Bare"), Bare={"type": "enum", "name": "Bare", "symbols": ["A"]})
    assert made["fields"][0]["type"] == {"namespace": "", "type": "enum", "name": "Bare", "symbols": ["A"]}
    assert contract.parse(json.dumps(made))


def test_a_schema_may_be_nothing_but_a_reference() -> None:
    assert resolved("shop.Money", shop_Money=MONEY) == MONEY


def test_names_in_docs_and_defaults_are_left_alone() -> None:
    schema = record("string") | {"doc": "shop.Money"}
    schema["fields"][0]["default"] = "shop.Money"
    assert resolved(schema, shop_Money=MONEY) == schema
