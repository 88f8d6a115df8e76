"""A story told with the published client jsonapi-client: python jsonapi_client_story.py API TOKEN

Prints what the client understood of each answer.
"""

import json
import logging
import sys

from jsonapi_client import Modifier, ResourceTuple, Session
from jsonapi_client.exceptions import DocumentError

api, token = sys.argv[1:]

# It notes every attribute that the schema below leaves out.
logging.getLogger("jsonapi_client").setLevel(logging.ERROR)

TEXT = {"type": ["string", "null"]}
SCHEMA = {
    "companies": {"properties": {"name": TEXT}},
    "tags": {"properties": {"name": TEXT}},
    "contacts": {
        "properties": {
            "first_name": TEXT,
            "last_name": TEXT,
            "title": TEXT,
            "company": {"relation": "to-one", "resource": ["companies"]},
            "tags": {"relation": "to-many", "resource": ["tags"]},
        }
    },
}


def names(records):
    return [record["last_name"] for record in records]


told = {}
headers = {"headers": {"Authorization": f"Bearer {token}"}}
with Session(api, schema=SCHEMA, request_kwargs=headers) as session:
    acme = session.create_and_commit("companies", {"name": "Acme"})
    vip = session.create_and_commit("tags", {"name": "vip"})
    ada = session.create("contacts", {"first_name": "Ada", "last_name": "Lovelace"})
    ada["company"] = acme
    ada.commit()
    for last_name in ["Hopper", "Hamilton"]:
        session.create_and_commit("contacts", {"first_name": "Grace", "last_name": last_name})
    told["created"] = ada.id is not None

    session.invalidate()
    read = session.get("contacts", Modifier(f"filter[id_eq]={ada.id}&include=company")).resources[0]
    told["read"] = read.company.name
    told["filtered"] = names(session.get("contacts", Modifier("filter[last_name_cont]=love")).resources)
    paged = Modifier("sort=last_name&page[size]=1")
    told["paged"] = names(session.iterate("contacts", paged))

    contact = session.get("contacts", ada.id).resource
    contact["title"] = "Countess"
    contact["tags"] = [ResourceTuple(vip.id, "tags")]
    contact.commit()
    session.invalidate()
    contact = session.get("contacts", ada.id).resource
    told["updated"] = contact["title"]
    told["related"] = [tag.name for tag in contact.tags]

    contact.delete()
    contact.commit()
    session.invalidate()
    try:
        session.get("contacts", ada.id)
    except DocumentError as refused:
        told["gone"] = str(refused)

print(json.dumps(told))
