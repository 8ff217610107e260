"""Expands the SAM template as a deployment does, so that what it becomes can be looked at.

usage: expand.py TEMPLATE.yaml EXPANDED.json
"""

import json
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class ManagedPolicies:
    """None is referred to by its name, so none has to be looked up."""

    def load(self):
        return {}


with open(sys.argv[1]) as file:
    template = yaml_parse(file.read())
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        # A deployment puts the code there first.
        resource["Properties"]["CodeUri"] = "s3://bucket/code.zip"
with open(sys.argv[2], "w") as file:
    json.dump(transform(template, {}, ManagedPolicies()), file, indent=1)
