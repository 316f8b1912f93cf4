"""Says which documents a JSON Schema accepts, by the package jsonschema.

usage: schema.py SCHEMA.json DOCUMENTS.json

DOCUMENTS.json is a list. Prints a list of the same length: null for a document that is accepted, and
for another the path and message of what is wrong with it.
"""

import json
import sys

import jsonschema


def verdict(validator, document):
    error = next(validator.iter_errors(document), None)
    return error and f"{error.json_path}: {error.message}"


schema_file, documents_file = sys.argv[1:]
with open(schema_file, encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
with open(documents_file, encoding="utf-8") as file:
    print(json.dumps([verdict(validator, document) for document in json.load(file)]))
