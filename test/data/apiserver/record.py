#!/usr/bin/env python3
"""Records what a real API server answers, for the tests of src/apiserver.

    scripts/devcluster up --detach
    test/data/apiserver/record.py "$(scripts/devcluster kubeconfig)"

writes the *.json files beside this one. Needs PyYAML.
"""
import base64
import http.client
import json
import os
import random
import ssl
import sys
import tempfile
import time
import urllib.parse

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'


class Server:
    def __init__(self, kubeconfig):
        config = yaml.safe_load(open(kubeconfig))
        cluster = config['clusters'][0]['cluster']
        user = config['users'][0]['user']
        context = ssl.create_default_context(cafile=self.path_of(cluster, 'certificate-authority'))
        if 'token' not in user:
            context.load_cert_chain(self.path_of(user, 'client-certificate'),
                                    self.path_of(user, 'client-key'))
        self.token = user.get('token')
        host = urllib.parse.urlparse(cluster['server'])
        self.connection = http.client.HTTPSConnection(host.hostname, host.port, context=context)

    @staticmethod
    def path_of(section, key):
        if key in section:
            return section[key]
        file = tempfile.NamedTemporaryFile(delete=False)
        file.write(base64.b64decode(section[key + '-data']))
        file.close()
        return file.name

    def send(self, method, path, body=None, content_type='application/json'):
        headers = {'User-Agent': 'recorder', 'Content-Type': content_type}
        if self.token:
            headers['Authorization'] = 'Bearer ' + self.token
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = self.connection.getresponse()
        text = response.read().decode()
        warnings = [value[len('299 - '):] for name, value in response.getheaders()
                    if name.lower() == 'warning']
        try:
            answer = json.loads(text)
        except json.JSONDecodeError:
            answer = text
        return response.status, answer, [json.loads(w) for w in warnings]

    def create_crd(self, plural, kind, schema, status_subresource=False):
        version = {'name': 'v1', 'served': True, 'storage': True,
                   'schema': {'openAPIV3Schema': schema}}
        if status_subresource:
            version['subresources'] = {'status': {}}
        crd = {'apiVersion': 'apiextensions.k8s.io/v1', 'kind': 'CustomResourceDefinition',
               'metadata': {'name': plural + '.ex.io'},
               'spec': {'group': 'ex.io', 'scope': 'Namespaced',
                        'names': {'plural': plural, 'kind': kind}, 'versions': [version]}}
        status, answer, _ = self.send('POST', CRDS, crd)
        if status == 409:
            self.send('DELETE', CRDS + '/' + plural + '.ex.io')
            time.sleep(3)
            status, answer, _ = self.send('POST', CRDS, crd)
        assert status == 201, answer
        path = f'/apis/ex.io/v1/namespaces/default/{plural}'
        while self.send('PATCH', path + '/probe?dryRun=All&fieldManager=p&force=true',
                        {'apiVersion': 'ex.io/v1', 'kind': kind, 'metadata': {'name': 'probe'}},
                        'application/apply-patch+yaml')[0] in (404, 429):
            time.sleep(0.1)
        return path


def failure(answer):
    causes = [[c.get('reason', ''), c['message'], c.get('field', '')]
              for c in answer.get('details', {}).get('causes', [])]
    return {'code': answer['code'], 'message': answer['message'], 'causes': sorted(causes)}


# What is wrong with definitions. Each is an edit of this one.
GOOD = yaml.safe_load('''
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: foos.ex.io}
spec:
  group: ex.io
  scope: Namespaced
  names: {plural: foos, singular: foo, kind: Foo, listKind: FooList}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {}}}
''')

DEFINITIONS = '''
{metadata: {name: x.ex.io}}
{spec: {group: ex}, metadata: {name: foos.ex}}
{spec: {group: x.k8s.io}, metadata: {name: foos.x.k8s.io}}
{spec: {group: Ex_.io}}
{spec: {scope: X}}
{spec: {scope: ""}}
{spec: {names: {plural: Foos}}}
{spec: {names: {singular: a_b}}}
{spec: {names: {kind: Fo_o}}}
{spec: {names: {listKind: Foo}}}
{spec: {names: {shortNames: [a.b, c]}}}
{spec: {names: {categories: [A]}}}
{spec: {versions: [{name: v1, served: true, storage: true}]}}
{spec: {versions: [{name: V1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}}
{spec: {preserveUnknownFields: true}}
{spec: {conversion: {strategy: Foo}}}
{spec: {conversion: {strategy: Webhook}}}
{columns: [{name: A, type: foo, jsonPath: .a}]}
{columns: [{name: A, type: string, jsonPath: a}]}
{columns: [{name: A, type: string, jsonPath: .a, format: zz}]}
{columns: [{name: "", type: "", jsonPath: ""}]}
{subresources: {scale: {specReplicasPath: .a.b, statusReplicasPath: .spec.x}}}
{subresources: {scale: {specReplicasPath: spec.b, statusReplicasPath: .status.x, labelSelectorPath: .foo}}}
{fields: [{jsonPath: .spec.nope}], spec_schema: {type: object, properties: {a: {type: string}}}}
{fields: [{jsonPath: .spec.a}, {jsonPath: .spec.a}], spec_schema: {type: object, properties: {a: {type: string}}}}
{fields: [{jsonPath: .spec.l}], spec_schema: {type: object, properties: {l: {type: array, items: {type: string}}}}}
{fields: [{jsonPath: .metadata.name}]}
{schema: {}}
{schema: {type: string}}
{schema: {type: object, nullable: true}}
{schema: {type: object, additionalProperties: {type: string}}}
{spec_schema: {}}
{spec_schema: {type: foo}}
{spec_schema: {type: object, properties: {a: {}}}}
{spec_schema: {type: array}}
{spec_schema: {type: array, items: {}}}
{spec_schema: {type: object, additionalProperties: {}}}
{spec_schema: {type: object, properties: {a: {type: string}}, additionalProperties: {type: string}}}
{spec_schema: {type: object, properties: {a: {type: string}}, additionalProperties: false}}
{spec_schema: {type: object, properties: {a: {type: string}}, additionalProperties: true}}
{spec_schema: {type: object, additionalProperties: true}}
{spec_schema: {type: string, $ref: "#/x"}}
{spec_schema: {type: object, id: x}}
{spec_schema: {type: object, patternProperties: {a: {type: string}}}}
{spec_schema: {type: object, definitions: {a: {type: string}}}}
{spec_schema: {type: object, dependencies: {a: [b]}}}
{spec_schema: {type: array, items: {type: string}, uniqueItems: true}}
{spec_schema: {type: array, items: {type: string}, additionalItems: true}}
{spec_schema: {type: object, anyOf: [{type: object}]}}
{spec_schema: {type: object, properties: {a: {type: string}}, allOf: [{properties: {a: {default: x, description: y, title: z, nullable: true}}}]}}
{spec_schema: {type: object, oneOf: [{properties: {a: {minLength: 1}}}]}}
{spec_schema: {type: object, not: {additionalProperties: {minLength: 1}}}}
{spec_schema: {type: object, anyOf: [{x-kubernetes-preserve-unknown-fields: true}]}}
{spec_schema: {type: object, anyOf: [{x-kubernetes-validations: [{rule: "true"}]}]}}
{spec_schema: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}}
{spec_schema: {x-kubernetes-int-or-string: true, anyOf: [{type: string}, {type: integer}]}}
{spec_schema: {x-kubernetes-int-or-string: true, x-kubernetes-preserve-unknown-fields: true}}
{spec_schema: {type: string, pattern: "("}}
{spec_schema: {type: string, default: 1}}
{spec_schema: {type: integer, default: "integer"}}
{spec_schema: {type: object, properties: {a: {type: string}}, default: {a: x, b: y}}}
{spec_schema: {type: object, properties: {a: {type: string, enum: [q], default: x}}}}
{spec_schema: {type: object, x-kubernetes-preserve-unknown-fields: false}}
{spec_schema: {type: array, items: {type: string}, x-kubernetes-list-type: foo}}
{spec_schema: {type: object, x-kubernetes-list-type: set}}
{spec_schema: {type: array, items: {type: object, properties: {a: {type: string}}}, x-kubernetes-list-type: set}}
{spec_schema: {type: array, items: {type: array, items: {type: string}, x-kubernetes-list-type: set}, x-kubernetes-list-type: set}}
{spec_schema: {type: array, items: {type: object, properties: {a: {type: string}}}, x-kubernetes-list-type: map}}
{spec_schema: {type: array, items: {type: object, properties: {a: {type: string}}}, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a]}}
{spec_schema: {type: array, items: {type: object, required: [a], properties: {a: {type: object}}}, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a]}}
{spec_schema: {type: array, items: {type: object, required: [a], properties: {a: {type: string}}}, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a, a, b]}}
{spec_schema: {type: array, items: {type: string}, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [a]}}
{spec_schema: {type: array, items: {type: string}, x-kubernetes-list-map-keys: [a]}}
{spec_schema: {type: array, items: {type: string}, x-kubernetes-list-type: set, x-kubernetes-list-map-keys: [a]}}
{spec_schema: {type: array, items: {type: string, nullable: true}, x-kubernetes-list-type: set}}
{spec_schema: {type: object, x-kubernetes-map-type: foo}}
{spec_schema: {type: string, x-kubernetes-map-type: atomic}}
{spec_schema: {type: object, x-kubernetes-embedded-resource: true}}
{spec_schema: {type: string, x-kubernetes-embedded-resource: true}}
{spec_schema: {type: object, x-kubernetes-embedded-resource: true, additionalProperties: {type: string}}}
{spec_schema: {type: string, format: zzz}}
{spec_schema: {type: integer, format: int128}}
{spec_schema: {type: string, minimum: 3}}
{spec_schema: {type: object, required: [zz]}}
{schema: {type: object, properties: {metadata: {type: object, properties: {name: {type: string, pattern: "^a"}}}}}}
{schema: {type: object, properties: {metadata: {type: object, properties: {labels: {type: object}}}}}}
{schema: {type: object, properties: {metadata: {type: string}}}}
{schema: {type: object, properties: {apiVersion: {type: integer}, kind: {type: boolean}}}}
{schema: {type: object, properties: {kind: {type: string, default: x}}}}
{spec_schema: {type: string, x-kubernetes-validations: [{rule: ""}]}}
{spec_schema: {type: string, x-kubernetes-validations: [{rule: "self +"}]}}
{spec_schema: {type: string, x-kubernetes-validations: [{rule: "self"}]}}
{spec_schema: {type: string, x-kubernetes-validations: [{rule: "self == 1"}]}}
{spec_schema: {type: object, properties: {a: {type: integer}}, x-kubernetes-validations: [{rule: "self.zz == 1"}]}}
{spec_schema: {type: string, maxLength: 5, x-kubernetes-validations: [{rule: "self == 'a'\\n|| true"}]}}
{spec_schema: {type: string, maxLength: 5, x-kubernetes-validations: [{rule: "true", message: " "}]}}
{spec_schema: {type: string, maxLength: 5, x-kubernetes-validations: [{rule: "true", message: "a\\nb"}]}}
{spec_schema: {type: string, maxLength: 5, x-kubernetes-validations: [{rule: "true", messageExpression: "1"}]}}
{spec_schema: {type: string, maxLength: 5, x-kubernetes-validations: [{rule: "true", messageExpression: "zz"}]}}
{spec_schema: {type: string, maxLength: 5, x-kubernetes-validations: [{rule: "true", messageExpression: " "}]}}
{spec_schema: {type: string, maxLength: 5, x-kubernetes-validations: [{rule: "true", reason: Foo}]}}
{spec_schema: {type: object, properties: {a: {type: string}}, x-kubernetes-validations: [{rule: "true", fieldPath: .b}]}}
{spec_schema: {type: object, properties: {a: {type: string}}, x-kubernetes-validations: [{rule: "true", fieldPath: a}]}}
{spec_schema: {type: object, properties: {a: {type: string}}, x-kubernetes-validations: [{rule: "true", fieldPath: .a}]}}
{spec_schema: {type: string, maxLength: 5, x-kubernetes-validations: [{rule: "true", optionalOldSelf: true}]}}
{spec_schema: {type: array, maxItems: 3, items: {type: string, maxLength: 5, x-kubernetes-validations: [{rule: "self == oldSelf"}]}}}
{spec_schema: {type: string, maxLength: 5, x-kubernetes-validations: [{rule: "self == oldSelf"}, {rule: "oldSelf.hasValue() || true", optionalOldSelf: true}]}}
{spec_schema: {type: object, properties: {d: {type: string, format: duration, maxLength: 9}, t: {type: string, format: date-time, maxLength: 40}, b: {type: string, format: byte, maxLength: 9}, i: {x-kubernetes-int-or-string: true}}, x-kubernetes-validations: [{rule: "!has(self.d) || self.d < duration('1h')"}, {rule: "!has(self.t) || self.t > timestamp('2020-01-01T00:00:00Z')"}, {rule: "!has(self.i) || type(self.i) == int"}]}}
{spec_schema: {type: object, properties: {q: {type: string, maxLength: 20}}, x-kubernetes-validations: [{rule: "!has(self.q) || isQuantity(self.q)"}, {rule: "!has(self.q) || self.q.matches('^a')"}, {rule: "!has(self.q) || self.q.find('a') == ''"}, {rule: "!has(self.q) || isIP(self.q) || isURL(self.q) || isCIDR(self.q)"}]}}
{schema: {type: object, x-kubernetes-validations: [{rule: "self.metadata.name.startsWith('a')"}, {rule: "self.kind == 'Foo'"}, {rule: "self.metadata.labels == 1"}]}}
'''

# Custom resources: a schema of spec, and writes of spec one after another to one object each.
RESOURCES = '''
- schema: {type: object, properties: {i: {type: integer, minimum: 1, maximum: 5}, x: {type: number, exclusiveMinimum: true, minimum: 1, exclusiveMaximum: true, maximum: 1.5}, m: {type: integer, multipleOf: 3}, i32: {type: integer, format: int32}, f: {type: number, multipleOf: 0.5}}}
  specs: [[{i: 0}], [{i: 6}], [{i: 5}], [{i: "1"}], [{i: 1.5}], [{i: 2.0}], [{x: 1}], [{x: 1.5}], [{x: 1.2}], [{m: 4}], [{m: 6}], [{i32: 3000000000}], [{f: 0.7}], [{f: 1.5}], [{i: true, x: x}], [{i: null}]]
- schema: {type: object, properties: {s: {type: string, minLength: 2, maxLength: 4, pattern: "^[a-z]+$"}, e: {type: string, enum: [a, b]}, ei: {type: integer, enum: [1, 2]}, n: {type: string, nullable: true}, r: {type: object, required: [q], properties: {q: {type: string}}}}}
  specs: [[{s: a}], [{s: abcde}], [{s: AB}], [{s: "äö"}], [{e: c}], [{ei: 3}], [{n: null}], [{r: {}}], [{s: 1, e: d, r: {q: 1}}], [{zz: 1, r: {q: a, zz: 2}}], [{s: ab, e: a}, {s: AB, e: a}]]
- schema: {type: object, properties: {l: {type: array, items: {type: string, maxLength: 3}, minItems: 1, maxItems: 2}, st: {type: array, items: {type: string}, x-kubernetes-list-type: set}, mp: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k, p], items: {type: object, required: [k], properties: {k: {type: string}, p: {type: string, default: T}, v: {type: integer}}}}, o: {type: object, minProperties: 1, maxProperties: 2, additionalProperties: {type: integer}}}}
  specs: [[{l: []}], [{l: [a, b, c]}], [{l: [abcd]}], [{st: [a, b, a, a]}], [{mp: [{k: a}, {k: a, p: T}]}], [{mp: [{k: a}, {k: a, p: U, v: x}]}], [{mp: [{}]}], [{o: {}}], [{o: {a: 1, b: 2, c: 3}}], [{o: {a: x}}], [{l: x, o: []}]]
- schema: {type: object, properties: {p: {x-kubernetes-int-or-string: true}, a: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}], pattern: "^[0-9]+%$"}, any: {type: object, x-kubernetes-preserve-unknown-fields: true}, free: {x-kubernetes-preserve-unknown-fields: true}, emb: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}}}
  specs: [[{p: 1}], [{p: x}], [{p: 1.5}], [{p: true}], [{a: x}], [{a: "5%"}], [{any: {q: [1, {z: null}]}, free: [1, x, {a: 1}]}], [{emb: {}}], [{emb: {apiVersion: v1, kind: K, metadata: {name: a, zz: 1}, x: 1}}], [{emb: {apiVersion: "", kind: K_, metadata: {labels: {a: 1}}}}], [{emb: {apiVersion: 1, kind: K}}]]
- schema: {type: object, properties: {k: {type: string}, a: {type: string}, b: {type: string}}, oneOf: [{required: [a]}, {required: [b]}]}
  specs: [[{}], [{a: x}], [{a: x, b: x}]]
- schema: {type: object, properties: {k: {type: string}, a: {type: string}, b: {type: string}}, anyOf: [{required: [a]}, {properties: {b: {minLength: 3}}, required: [b]}], not: {required: [k]}, allOf: [{properties: {a: {maxLength: 2}}}]}
  specs: [[{}], [{a: x}], [{b: x}], [{b: xxx}], [{a: xxx}], [{a: x, k: y}]]
- schema: {type: object, properties: {dt: {type: string, format: date-time}, d: {type: string, format: date}, du: {type: string, format: duration}, u: {type: string, format: uuid}, ip: {type: string, format: ipv4}, ip6: {type: string, format: ipv6}, c: {type: string, format: cidr}, e: {type: string, format: email}, h: {type: string, format: hostname}, b: {type: string, format: byte}, uri: {type: string, format: uri}, mac: {type: string, format: mac}, zz: {type: string, format: zzz}, sn: {type: string, format: k8s-short-name}}}
  specs: [[{dt: x}], [{dt: "2020-01-01T00:00:00Z"}], [{dt: "2020-13-01T00:00:00Z"}], [{d: "2020-02-30"}], [{d: "2020-02-29"}], [{du: 1h}], [{du: x}], [{du: 5 minutes}], [{u: x}], [{ip: 1.2.3}], [{ip: 1.2.3.4}], [{ip6: "::1"}], [{ip6: 1.2.3.4}], [{c: 1.2.3.4/33}], [{c: 1.2.3.4/8}], [{e: a@b.c}], [{e: ab}], [{h: a_b}], [{h: a.bc}], [{b: "!"}], [{b: YWJj}], [{uri: x}], [{uri: "http://a/b"}], [{uri: /a}], [{mac: x}], [{mac: "00:00:5e:00:53:01"}], [{zz: 1}], [{zz: q}], [{sn: A}], [{sn: a-b}], [{dt: true}], [{dt: [1]}]]
- schema: {type: object, properties: {a: {type: string, default: dd}, n: {type: string, nullable: true, default: nn}, o: {type: object, default: {}, properties: {x: {type: integer, default: 1}}}, q: {type: object, properties: {y: {type: integer, default: 2}}}, l: {type: array, items: {type: object, properties: {z: {type: string, default: zz}}}}, m: {type: object, additionalProperties: {type: object, properties: {w: {type: integer, default: 3}}}}}}
  specs: [[{}], [{a: null, n: null}], [{o: null, q: null, l: null}], [{q: {}, l: [{}, {z: a}], m: {k: {}}}], [{l: [null]}], [{m: {k: null}}]]
- schema: {type: object, properties: {a: {type: string, maxLength: 9, x-kubernetes-validations: [{rule: "self != 'bad'", message: no bad}, {rule: "self != 'worse'"}]}, q: {type: string, maxLength: 9, x-kubernetes-validations: [{rule: "self == oldSelf", message: fixed, reason: FieldValueForbidden}]}, o: {type: integer, x-kubernetes-validations: [{rule: "!oldSelf.hasValue() || self > oldSelf.value()", optionalOldSelf: true, message: must grow}]}, l: {type: array, maxItems: 5, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: {type: object, required: [k], properties: {k: {type: string, maxLength: 5}, v: {type: integer, x-kubernetes-validations: [{rule: "self >= oldSelf", messageExpression: "oldSelf > 5 ? 'from many' : 'from few'"}]}}}}, d: {type: object, maxProperties: 3, additionalProperties: {type: string, maxLength: 5, x-kubernetes-validations: [{rule: "self != 'x'", reason: FieldValueDuplicate}]}}}, x-kubernetes-validations: [{rule: "!has(self.a) || self.a != 'spec'", message: spec rule}, {rule: "!has(self.a) || self.a != 'path'", fieldPath: .a, reason: FieldValueRequired, message: path rule}, {rule: "!has(self.a) || self.l.size() > 0", message: err}]}
  specs: [[{a: bad, l: [{k: a}]}], [{a: worse, l: [{k: a}]}], [{a: spec, l: [{k: a}]}], [{a: path, l: [{k: a}]}], [{a: x}], [{q: a}, {q: b}], [{q: a}, {}, {q: b}], [{o: 1}, {o: 1}, {o: 2}], [{l: [{k: a, v: 2}, {k: b, v: 1}]}, {l: [{k: b, v: 0}, {k: a, v: 3}]}], [{d: {p: x}}], [{a: 1}], [{q: toolongforthis}]]
- schema: {type: object, properties: {s: {type: string}}, x-kubernetes-validations: [{rule: "self.s.matches('^a') ", message: "m"}]}
  specs: [[{s: b}], [{}], [{s: ab}]]
'''

# Ratcheting: an object stored under one schema, then written under another.
TIGHTENED = '''
- before: {type: object, x-kubernetes-preserve-unknown-fields: true}
  after: {type: object, properties: {a: {type: string, maxLength: 2, enum: [x, y]}, b: {type: string}, r: {type: object, required: [q], properties: {q: {type: string}, z: {type: string}}}, m: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [k], items: {type: object, required: [k], properties: {k: {type: string}, v: {type: string, maxLength: 1}}}}, l: {type: array, items: {type: string, maxLength: 1}}, i: {type: integer, minimum: 5}}}
  stored: {a: long, r: {z: a}, m: [{k: a, v: old}, {k: b, v: c}], l: [long, b], i: 1}
  specs: [{a: long, b: x, r: {z: a}, m: [{k: a, v: old}, {k: b, v: c}], l: [long, b], i: 1}, {a: longer, r: {z: a}, i: 1}, {a: long, r: {z: b}, i: 1}, {a: long, m: [{k: b, v: c}, {k: a, v: old}], i: 1}, {m: [{k: a, v: new}], i: 1}, {l: [long], i: 1}, {l: [long, b], i: 2}]
- before: {type: object, x-kubernetes-preserve-unknown-fields: true}
  after: {type: object, properties: {a: {type: string, maxLength: 20, x-kubernetes-validations: [{rule: "self != 'bad'", message: no bad}]}, b: {type: string}, o: {type: object, properties: {x: {type: integer}, z: {type: integer}}, x-kubernetes-validations: [{rule: "!has(self.x) || self.x > 5", message: x is small}]}}}
  stored: {a: bad, o: {x: 1}}
  specs: [{a: bad, b: q, o: {x: 1}}, {a: bad, o: {x: 1, z: 2}}, {a: bad, o: {x: 2}}, {a: worse, o: {x: 1}}]
'''


def definition_of(edit):
    crd = json.loads(json.dumps(GOOD))
    version = crd['spec']['versions'][0]
    if 'schema' in edit:
        version['schema']['openAPIV3Schema'] = edit['schema']
    if 'spec_schema' in edit:
        version['schema']['openAPIV3Schema']['properties']['spec'] = edit['spec_schema']
    for key, name in (('columns', 'additionalPrinterColumns'), ('subresources', 'subresources'),
                      ('fields', 'selectableFields')):
        if key in edit:
            version[name] = edit[key]
    crd['metadata'].update(edit.get('metadata', {}))
    for key, value in edit.get('spec', {}).items():
        if isinstance(value, dict) and isinstance(crd['spec'].get(key), dict):
            crd['spec'][key].update(value)
        else:
            crd['spec'][key] = value
    return crd


def record_definitions(server):
    cases = []
    for line in DEFINITIONS.strip().splitlines():
        crd = definition_of(yaml.safe_load(line))
        status, answer, warnings = server.send('POST', CRDS + '?dryRun=All', crd)
        cases.append({'definition': crd, 'warnings': sorted(warnings),
                      'failure': failure(answer) if status >= 300 else None})
    return cases


def without_server_fields(answer):
    return {key: value for key, value in answer.items() if key not in ('metadata',)}


def record_resources(server):
    groups = []
    for number, group in enumerate(yaml.safe_load(RESOURCES)):
        schema = {'type': 'object', 'properties': {'spec': group['schema']}}
        path = server.create_crd(f'rec{number}s', f'Rec{number}', schema)
        sequences = []
        for specs in group['specs']:
            steps = []
            created = False
            server.send('DELETE', path + '/a')
            for spec in specs:
                body = {'apiVersion': 'ex.io/v1', 'kind': f'Rec{number}',
                        'metadata': {'name': 'a'}, 'spec': spec}
                if created:
                    live = server.send('GET', path + '/a')[1]
                    body['metadata']['resourceVersion'] = live['metadata']['resourceVersion']
                    status, answer, warnings = server.send('PUT', path + '/a', body)
                else:
                    status, answer, warnings = server.send('POST', path, body)
                if status < 300:
                    created = True
                steps.append({'spec': spec, 'warnings': sorted(warnings),
                              'failure': failure(answer) if status >= 300 else None,
                              'stored': answer.get('spec') if status < 300 else None})
            sequences.append(steps)
        groups.append({'kind': f'Rec{number}', 'schema': schema, 'sequences': sequences})
    return groups


def record_tightened(server):
    groups = []
    for number, group in enumerate(yaml.safe_load(TIGHTENED)):
        plural, kind = f'tight{number}s', f'Tight{number}'
        before = {'type': 'object', 'properties': {'spec': group['before']}}
        after = {'type': 'object', 'properties': {'spec': group['after']}}
        path = server.create_crd(plural, kind, before)
        stored = {'apiVersion': 'ex.io/v1', 'kind': kind, 'metadata': {'name': 'a'},
                  'spec': group['stored']}
        status, answer, _ = server.send('POST', path, stored)
        assert status == 201, answer
        crd = server.send('GET', CRDS + f'/{plural}.ex.io')[1]
        crd['spec']['versions'][0]['schema']['openAPIV3Schema'] = after
        status, answer, _ = server.send('PUT', CRDS + f'/{plural}.ex.io', crd)
        assert status == 200, answer
        time.sleep(2)
        steps = []
        for spec in group['specs']:
            live = server.send('GET', path + '/a')[1]
            body = dict(stored, spec=spec)
            body['metadata'] = {'name': 'a',
                                'resourceVersion': live['metadata']['resourceVersion']}
            status, answer, warnings = server.send('PUT', path + '/a?dryRun=All', body)
            steps.append({'spec': spec, 'warnings': sorted(warnings),
                          'failure': failure(answer) if status >= 300 else None})
        groups.append({'kind': kind, 'schema': after, 'stored': group['stored'], 'steps': steps})
    return groups


# Random schemas, and random writes by several managers.
class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def schema(self, depth=0):
        pick = self.random.random()
        if depth > 2 or pick < 0.3:
            kind = self.random.choice(['string', 'integer', 'boolean'])
            return {'type': kind}
        if pick < 0.55:
            names = self.random.sample('abcdef', self.random.randint(1, 4))
            schema = {'type': 'object', 'properties': {n: self.schema(depth + 1) for n in names}}
            if self.random.random() < 0.15:
                schema['x-kubernetes-map-type'] = 'atomic'
            return schema
        if pick < 0.65:
            return {'type': 'object', 'additionalProperties': self.schema(depth + 1)}
        if pick < 0.72:
            return {'type': 'object', 'x-kubernetes-preserve-unknown-fields': True}
        if pick < 0.82:
            return {'type': 'array', 'items': {'type': 'string'}, 'x-kubernetes-list-type': 'set'}
        if pick < 0.88:
            return {'type': 'array', 'items': self.schema(depth + 1)}
        item = {'type': 'object', 'required': ['k'],
                'properties': {'k': {'type': 'string'}, 'p': {'type': 'string', 'default': 'T'},
                               'x': self.schema(depth + 1), 'y': {'type': 'integer'}}}
        keys = ['k', 'p'] if self.random.random() < 0.5 else ['k']
        return {'type': 'array', 'items': item, 'x-kubernetes-list-type': 'map',
                'x-kubernetes-list-map-keys': keys}

    def free(self, depth=0):
        pick = self.random.random()
        if depth > 2 or pick < 0.4:
            return self.random.choice([1, 2, 'u', 'v', True, False])
        if pick < 0.55:
            return [self.free(depth + 1) for _ in range(self.random.randint(0, 2))]
        return {n: self.free(depth + 1)
                for n in self.random.sample('pqr', self.random.randint(0, 3))}

    def value(self, schema):
        kind = schema['type']
        if kind == 'string':
            return self.random.choice(['s', 't', 'u'])
        if kind == 'integer':
            return self.random.randint(1, 3)
        if kind == 'boolean':
            return self.random.random() < 0.5
        if kind == 'array':
            if schema.get('x-kubernetes-list-type') == 'set':
                return self.random.sample(['i', 'j', 'k', 'l'], self.random.randint(0, 3))
            if schema.get('x-kubernetes-list-type') == 'map':
                items = {}
                for _ in range(self.random.randint(0, 3)):
                    item = self.value(schema['items'])
                    item['k'] = self.random.choice('mno')
                    items[(item['k'], item.get('p', 'T')
                           if len(schema['x-kubernetes-list-map-keys']) == 2 else '')] = item
                return list(items.values())
            return [self.value(schema['items']) for _ in range(self.random.randint(0, 2))]
        if 'properties' in schema:
            return {n: self.value(s) for n, s in schema['properties'].items()
                    if self.random.random() < 0.6}
        if isinstance(schema.get('additionalProperties'), dict):
            return {n: self.value(schema['additionalProperties'])
                    for n in self.random.sample('ghi', self.random.randint(0, 3))}
        return {n: self.free() for n in self.random.sample('pqr', self.random.randint(0, 3))}


def entries_of(answer):
    return [{'manager': e['manager'], 'operation': e['operation'],
             'subresource': e.get('subresource', ''), 'timed': 'time' in e,
             'fields': e['fieldsV1']} for e in answer['metadata'].get('managedFields', [])]


def record_applies(server, schemas, objects, steps):
    groups = []
    for number in range(schemas):
        generator = Generator(number)
        names = generator.random.sample('abcdef', 4)
        spec = {'type': 'object', 'properties': {n: generator.schema() for n in names}}
        spec['properties']['z'] = {'type': 'string', 'default': 'zz'}
        schema = {'type': 'object', 'properties': {'spec': spec}}
        plural, kind = f'app{number}s', f'App{number}'
        path = server.create_crd(plural, kind, schema)
        sequences = []
        for instance in range(objects):
            server.send('DELETE', f'{path}/o{instance}')
            recorded = []
            for _ in range(steps):
                body = {'apiVersion': 'ex.io/v1', 'kind': kind,
                        'metadata': {'name': f'o{instance}'}, 'spec': generator.value(spec)}
                if generator.random.random() < 0.3:
                    body['metadata']['labels'] = {generator.random.choice('lm'): 'v'}
                manager = generator.random.choice(['A', 'B', 'C'])
                operation = generator.random.choice(['apply', 'apply', 'apply', 'force', 'merge',
                                                     'put'])
                url = f'{path}/o{instance}?fieldManager={manager}'
                if operation in ('apply', 'force'):
                    status, answer, _ = server.send(
                        'PATCH', url + ('&force=true' if operation == 'force' else ''), body,
                        'application/apply-patch+yaml')
                else:
                    status, live, _ = server.send('GET', f'{path}/o{instance}')
                    if status == 404:
                        operation = 'post'
                        status, answer, _ = server.send('POST', f'{path}?fieldManager={manager}',
                                                        body)
                    elif operation == 'merge':
                        body = {'spec': body['spec']}
                        status, answer, _ = server.send('PATCH', url, body,
                                                        'application/merge-patch+json')
                    else:
                        body['metadata']['resourceVersion'] = live['metadata']['resourceVersion']
                        status, answer, _ = server.send('PUT', url, body)
                        del body['metadata']['resourceVersion']
                step = {'manager': manager, 'operation': operation, 'body': body}
                if status >= 300:
                    step['failure'] = failure(answer)
                else:
                    step['spec'] = answer.get('spec')
                    step['labels'] = answer['metadata'].get('labels')
                    step['entries'] = entries_of(answer)
                recorded.append(step)
            sequences.append(recorded)
        groups.append({'kind': kind, 'schema': schema, 'sequences': sequences})
        server.send('DELETE', CRDS + f'/{plural}.ex.io')
    return groups


def write(name, cases):
    with open(os.path.join(HERE, name), 'w') as file:
        file.write('[\n' + ',\n'.join(json.dumps(case, separators=(',', ':')) for case in cases) +
                   '\n]\n')


def main():
    server = Server(sys.argv[1])
    only = sys.argv[2:]
    if not only or 'definitions' in only:
        write('definitions.json', record_definitions(server))
    if not only or 'resources' in only:
        write('resources.json', record_resources(server))
    if not only or 'tightened' in only:
        write('tightened.json', record_tightened(server))
    if not only or 'applies' in only:
        write('applies.json', record_applies(server, schemas=24, objects=4, steps=10))


if __name__ == '__main__':
    main()
