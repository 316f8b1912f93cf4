#!/usr/bin/env python3
"""Whether a FOCUS table keeps the rules of the specification, version 1.2, for usage rows, and
whether its rows are the cost lines of an export of `costs --basis used`.

usage: focus.py FOCUS.parquet COSTS.csv

The rules are those of FOCUS_Spec's tag v1.2, written down from its columns' requirements and not
from Runledger's code. Prints {"rows": N, "ledger": USD, "list": USD}. Exact: numbers stay decimals.
"""
import csv
import json
import re
import sys
from collections import Counter, defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal, getcontext

import pyarrow
import pyarrow.parquet

getcontext().prec = 60

MANDATORY = """BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodEnd
BillingPeriodStart ChargeCategory ChargeClass ChargeDescription ChargePeriodEnd ChargePeriodStart
ContractedCost EffectiveCost InvoiceIssuerName ListCost PricingQuantity PricingUnit ProviderName
PublisherName ServiceCategory ServiceName""".split()
CONDITIONAL = """BillingAccountType CapacityReservationId CapacityReservationStatus
CommitmentDiscountCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountQuantity
CommitmentDiscountStatus CommitmentDiscountType CommitmentDiscountUnit ConsumedQuantity ConsumedUnit
ContractedUnitPrice ListUnitPrice PricingCategory RegionId RegionName ResourceId ResourceName
ResourceType SkuId SkuMeter SkuPriceDetails SkuPriceId SubAccountId SubAccountName SubAccountType
Tags""".split()
RECOMMENDED = "AvailabilityZone ChargeFrequency InvoiceId ServiceSubcategory".split()
# What is not null in a usage row that corrects nothing.
NEVER_NULL = """BilledCost BillingAccountId BillingAccountType BillingCurrency BillingPeriodEnd
BillingPeriodStart ChargeCategory ChargeFrequency ChargePeriodEnd ChargePeriodStart ConsumedQuantity
ConsumedUnit ContractedCost ContractedUnitPrice EffectiveCost InvoiceIssuerName ListCost
ListUnitPrice PricingCategory PricingQuantity PricingUnit ProviderName PublisherName RegionId
RegionName ServiceCategory ServiceName ServiceSubcategory SkuId SkuMeter SkuPriceId SubAccountId
SubAccountType""".split()
# No commitment covers a row, no reservation, no invoice.
ALWAYS_NULL = [c for c in CONDITIONAL if c.startswith(("CommitmentDiscount", "CapacityRes"))]
ALWAYS_NULL += ["ChargeClass", "InvoiceId"]
DECIMALS = """BilledCost CommitmentDiscountQuantity ConsumedQuantity ContractedCost
ContractedUnitPrice EffectiveCost ListCost ListUnitPrice PricingQuantity""".split()
TIMES = "BillingPeriodEnd BillingPeriodStart ChargePeriodEnd ChargePeriodStart".split()
UNIT = re.compile(r"[A-Za-z-]+-Hours|Runs")
DAY = timedelta(days=1)


def check_schema(schema):
    names = schema.names
    ours = [name for name in names if name.startswith("x_")]
    spec = names[:len(names) - len(ours)]
    assert names == spec + ours, "x_ columns stand behind the specification's"
    assert spec == sorted(MANDATORY + CONDITIONAL + RECOMMENDED), set(spec) ^ set(
        MANDATORY + CONDITIONAL + RECOMMENDED)
    assert all(re.fullmatch(r"x_([A-Z][a-z]*)+", name) and len(name) <= 50 for name in ours), ours
    for name in spec:
        kind = schema.field(name).type
        if name in DECIMALS:
            assert pyarrow.types.is_decimal(kind), (name, kind)
        elif name in TIMES:
            assert kind == pyarrow.timestamp("us", tz="UTC"), (name, kind)
        else:
            assert pyarrow.types.is_string(kind), (name, kind)
    assert schema.metadata[b"focus.version"] == b"1.2"


def month_of(instant):
    start = instant.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start, (start + 32 * DAY).replace(day=1)


def check_row(row):
    for name in NEVER_NULL:
        assert row[name] is not None and row[name] != "", name
    for name in ALWAYS_NULL:
        assert row[name] is None, name
    assert all(value != "" for value in row.values()), "null is null, never an empty text"
    assert row["ChargeCategory"] == "Usage" and row["ChargeFrequency"] == "Usage-Based"
    assert row["PricingCategory"] in ("Standard", "Dynamic", "Committed", "Other")
    assert row["BillingCurrency"] == "USD"
    assert (row["ServiceCategory"], row["ServiceSubcategory"]) == ("Analytics", "Data Processing")
    start, end = row["ChargePeriodStart"], row["ChargePeriodEnd"]
    assert end - start == DAY and start == start.replace(hour=0, minute=0, second=0, microsecond=0)
    assert (row["BillingPeriodStart"], row["BillingPeriodEnd"]) == month_of(start)
    quantity = row["PricingQuantity"]
    for price, cost in (("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")):
        assert row[price] >= 0 and row[price] * quantity == row[cost], (price, row[price], quantity)
    assert UNIT.fullmatch(row["PricingUnit"]), row["PricingUnit"]
    assert (row["ConsumedQuantity"], row["ConsumedUnit"]) == (quantity, row["PricingUnit"])
    assert row["EffectiveCost"] == row["BilledCost"] == row["x_LedgerAmount"]
    # The written quantity is rounded at nine decimals, the ledger's amount at nine too.
    off = abs(row["ContractedCost"] - row["x_LedgerAmount"])
    assert off <= Decimal("1e-9") * (1 + row["ContractedUnitPrice"]), off
    assert row["x_Estimated"] is True and row["x_SkuOrigin"] in ("price-list", "usage-type", "assumed")
    assert (row["ResourceId"] is None) == (row["ResourceType"] is None)
    assert row["ResourceName"] is None or row["ResourceName"] != row["ResourceId"]
    if row["Tags"] is not None:
        pairs = json.loads(row["Tags"], object_pairs_hook=list)
        assert len({key for key, _ in pairs}) == len(pairs)
        assert all(isinstance(v, (str, int, float, bool, type(None))) for _, v in pairs)


def key_of(row):
    return (row["x_RunId"], row["x_Attempt"], row["SkuMeter"], row["ChargePeriodStart"].date())


def main():
    table = pyarrow.parquet.read_table(sys.argv[1])
    check_schema(table.schema)
    rows = table.to_pylist()
    sku_prices = defaultdict(set)
    amounts, ledger, listed = Counter(), Decimal(0), Decimal(0)
    for row in rows:
        check_row(row)
        sku_prices[row["SkuPriceId"]].add(row["SkuId"])
        assert key_of(row) not in amounts, key_of(row)
        amounts[key_of(row)] = (row["x_LedgerAmount"], row["PricingQuantity"])
        ledger += row["x_LedgerAmount"]
        listed += row["ListCost"]
    assert all(len(parents) == 1 for parents in sku_prices.values()), "one SKU to a SKU price"
    with open(sys.argv[2], newline="", encoding="utf-8") as file:
        costs = [row for row in csv.DictReader(file) if row["amount_usd"]]
    assert len(costs) == len(rows), (len(costs), len(rows))
    for cost in costs:
        day = datetime.fromisoformat(cost["day"]).date()
        key = (cost["run_id"], int(cost["attempt"]), cost["component"], day)
        assert amounts[key] == (Decimal(cost["amount_usd"]), Decimal(cost["quantity"])), cost
    json.dump({"rows": len(rows), "ledger": str(ledger), "list": str(listed)}, sys.stdout)


if __name__ == "__main__":
    main()
