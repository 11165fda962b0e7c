"""Asks others' validators about documents.

Standard input is a JSON object: "xsd" is the path of the JUnit schema, "junit"
and "openmetrics" hold documents by name. Standard output is one for each
document: "fault" is what is wrong with it or empty, and "samples" are the
samples of an exposition as name, labels and value.
"""

import json
import sys


def junit(xsd, text):
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    etree.XMLSchema(etree.parse(xsd)).assertValid(etree.fromstring(text.encode(), parser))
    return []


def openmetrics(text):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    families = list(text_string_to_metric_families(text))
    return [[s.name, s.labels, s.value] for f in families for s in f.samples]


def answer(check):
    try:
        return {"fault": "", "samples": check()}
    except Exception as e:
        return {"fault": f"{type(e).__name__}: {e}", "samples": []}


def main():
    job = json.load(sys.stdin)
    answers = {n: answer(lambda: junit(job["xsd"], t)) for n, t in job.get("junit", {}).items()}
    answers |= {n: answer(lambda: openmetrics(t)) for n, t in job.get("openmetrics", {}).items()}
    json.dump(answers, sys.stdout)


main()
