"""What helm makes of the chart: taken by Kubernetes, confined, given time to stop, scaled by the work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.cli.api import STOP_WITHIN_S
from pipeline.fleet import STOP_MARGIN_S
from tests.ops.rendering import CHART, VERSIONS, NotRendered, helm_program, problems_of, render

pytestmark = pytest.mark.long

ADDRESS: dict[str, Any] = {"settings": {"GONG_BASE_URL": "https://us-1.api.gong.io"}}
OAUTH: dict[str, Any] = {
    "settings": {"GONG_OAUTH_CLIENT_ID": "client"},
    "secret": {"keys": ["redis-url", "oauth-client-secret", "oauth-refresh-token", "store-key"]},
}
# Everything that can be switched on.
FULL: dict[str, Any] = {
    "image": {
        "repository": "registry.example/gong",
        "digest": f"sha256:{'a' * 64}",
        "pullSecrets": [{"name": "p"}],
    },
    "settings": {
        "GONG_BASE_URL": "https://us-1.api.gong.io",
        "GONG_INGEST_REQUESTS_PER_DAY": "1000000",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "NO_PROXY": ".svc",
        "REQUESTS_CA_BUNDLE": "/etc/gong-ingest/authorities/ca.crt",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.monitoring.svc:4318",
    },
    "secret": {"name": "mine", "keys": ["redis-url", "access-token", "media-headers", "sentinel-password"]},
    "secretVariables": {"OTEL_EXPORTER_OTLP_HEADERS": {"name": "traces", "key": "headers"}},
    "redis": {"port": 6380, "furtherPorts": [26379], "tlsSecret": "redis-tls"},
    "data": {"volume": {"persistentVolumeClaim": {"claimName": "data"}}},
    "authorities": {"volume": {"configMap": {"name": "authorities"}}},
    "recordings": {"volume": {"persistentVolumeClaim": {"claimName": "recordings", "readOnly": True}}},
    "stopGraceSeconds": 600,
    "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/recordings"}},
    "workers": {
        "media": {
            "processes": 10,
            "nodeSelector": {"disk": "fast"},
            "tolerations": [{"key": "uploads", "operator": "Exists"}],
            "affinity": {"podAntiAffinity": {}},
            "podAnnotations": {"a": "b"},
        }
    },
    "autoscaling": {"enabled": True, "minReplicas": 0},
    "flower": {"login": {"name": "flower", "key": "login"}},
    "api": {
        "enabled": True,
        "replicas": 2,
        "tokens": {"name": "tokens", "key": "tokens.json"},
        "uploads": {"volume": {"persistentVolumeClaim": {"claimName": "uploads"}}},
    },
    "networkPolicy": {
        "flower": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
        "api": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}],
        "redis": [{"ipBlock": {"cidr": "10.0.0.5/32"}}],
        "egress": [{"ports": [{"protocol": "TCP", "port": 3128}]}],
    },
}
LITTLE: dict[str, Any] = ADDRESS | {
    "flower": {"enabled": False},
    "networkPolicy": {"enabled": False},
    "podDisruptionBudget": {"enabled": False},
    "serviceAccount": {"create": False},
}
KEDA = "keda.sh/v1alpha1"
# What whoever reaches the ledger's server needs.
OF_REDIS = {"redis-url", "sentinel-password"}
# The secrets that are no files, by the container that has them: what reads them takes a variable alone.
OF_TRACES = {"OTEL_EXPORTER_OTLP_HEADERS"}
VARIABLES = {"worker": OF_TRACES, "api": OF_TRACES, "flower": {"FLOWER_BASIC_AUTH"}}


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> str:
    return helm_program(tmp_path_factory.mktemp("helm"))


def one(documents: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    (found,) = [
        each for each in documents if each["kind"] == kind and each["metadata"]["name"].endswith(f"-{name}")
    ]
    return found


def pods(documents: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for document in documents:
        if document["kind"] == "Deployment":
            yield document["spec"]["template"]["spec"]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "values",
    [ADDRESS, OAUTH, FULL, LITTLE, ADDRESS | {"api": {"enabled": True}}],
    ids=["defaults", "oauth", "full", "little", "api"],
)
def test_kubernetes_would_take_every_document(helm: str, values: dict[str, Any], version: str) -> None:
    documents = render(helm, values)

    problems = [
        problem
        for document in documents
        if document["apiVersion"] != KEDA
        for problem in problems_of(document, version)
    ]
    assert problems == []
    assert len({(each["kind"], each["metadata"]["name"]) for each in documents}) == len(documents)


def test_the_schemas_find_what_is_wrong(helm: str) -> None:
    deployment = one(render(helm, ADDRESS), "Deployment", "media")
    deployment["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]["periodSecond"] = 5

    assert "periodSecond" in "".join(problems_of(deployment, VERSIONS[-1]))


@pytest.mark.parametrize(
    ("values", "variables"), [(ADDRESS, {}), (FULL, VARIABLES)], ids=["defaults", "full"]
)
def test_every_pod_is_confined_and_no_secret_is_in_an_environment_but_those_that_are_named(
    helm: str, values: dict[str, Any], variables: dict[str, set[str]]
) -> None:
    for pod in pods(render(helm, values)):
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        mounted = {mount["name"]: mount for mount in container["volumeMounts"]}
        assert mounted.keys() == {volume["name"] for volume in pod["volumes"]}
        written = {"scratch"} | {"api": {"uploads"}, "worker": {"data"}}.get(container["name"], set())
        assert all(mount.get("readOnly") for name, mount in mounted.items() if name not in written)
        keys = {
            item["key"]
            for volume in pod["volumes"]
            if volume["name"] == "secrets"
            for item in volume["secret"]["items"]
        }
        named = {
            each["value"].rpartition("/")[2] for each in container["env"] if each["name"].endswith("_FILE")
        }
        assert named == keys
        assert keys <= OF_REDIS or container["name"] == "worker", "credentials for who needs none"
        from_secrets = {each["name"] for each in container["env"] if "valueFrom" in each}
        assert from_secrets == variables.get(container["name"], set())


@pytest.mark.parametrize(
    ("values", "volume"),
    [(ADDRESS, {"emptyDir": {"sizeLimit": "64Mi"}}), (FULL, FULL["data"]["volume"])],
    ids=["defaults", "full"],
)
def test_a_worker_keeps_its_data_where_it_can_write_and_beyond_its_container(
    helm: str, values: dict[str, Any], volume: dict[str, Any]
) -> None:
    documents = render(helm, values)

    for name in ("calls", "media"):
        pod = one(documents, "Deployment", name)["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        env = {each["name"]: each.get("value") for each in container["env"]}
        (mount,) = [each for each in container["volumeMounts"] if each["name"] == "data"]
        assert mount == {"name": "data", "mountPath": env["GONG_INGEST_DATA_DIR"]}
        assert {"name": "data"} | volume in pod["volumes"]


def test_a_worker_is_given_more_time_to_stop_than_it_takes(helm: str) -> None:
    pod = one(render(helm, FULL), "Deployment", "media")["spec"]["template"]["spec"]

    env = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
    assert env["GONG_INGEST_STOP_GRACE_S"] == "600"
    assert pod["terminationGracePeriodSeconds"] > 600 + 2 * STOP_MARGIN_S


def test_uploads_are_scaled_by_the_work_under_way(helm: str) -> None:
    documents = render(helm, FULL)

    scaled = one(documents, "ScaledObject", "media")["spec"]
    deployment = one(documents, "Deployment", "media")
    assert scaled["scaleTargetRef"]["name"] == deployment["metadata"]["name"]
    assert "replicas" not in deployment["spec"], "helm and KEDA would both set it"
    under_way, due = (trigger["metadata"] for trigger in scaled["triggers"])
    assert float(under_way["threshold"]) == 8, "0.8 of 10 processes"
    assert "gong_ingest_open_jobs" in under_way["query"]
    assert "gong_ingest_oldest_due_age_seconds" in due["query"]
    assert "replicas" in one(render(helm, ADDRESS), "Deployment", "media")["spec"]


def test_the_api_answers_for_itself_shares_its_uploads_and_has_its_tokens_as_a_folder(helm: str) -> None:
    documents = render(helm, FULL)

    pod = one(documents, "Deployment", "api")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    env = {each["name"]: each.get("value") for each in container["env"]}
    places = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert env["GONG_INGEST_API_TOKENS"] == f"{places['api-tokens']}/tokens.json"
    assert volumes["api-tokens"]["secret"]["secretName"] == "tokens"
    assert all("subPath" not in mount for mount in container["volumeMounts"]), "such a file is never renewed"
    assert env["GONG_INGEST_API_UPLOADS"] == places["uploads"]
    for name in ("calls", "media"):
        worker = one(documents, "Deployment", name)["spec"]["template"]["spec"]
        assert volumes["uploads"] in worker["volumes"]
        (mount,) = [each for each in worker["containers"][0]["volumeMounts"] if each["name"] == "uploads"]
        assert mount == {"name": "uploads", "mountPath": places["uploads"], "readOnly": True}
    # one that Redis does not reach is asked nothing, and not started anew
    assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert pod["terminationGracePeriodSeconds"] > 5 + STOP_WITHIN_S
    service = one(documents, "Service", "api")["spec"]
    labels = one(documents, "Deployment", "api")["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items()
    assert service["ports"] == [{"name": "http", "port": 8090, "targetPort": "http"}]
    budget = one(documents, "PodDisruptionBudget", "api")["spec"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()


def test_without_the_api_nothing_of_it_is_there(helm: str) -> None:
    documents = render(helm, ADDRESS)

    assert not [each for each in documents if each["metadata"]["name"].endswith("-api")]
    assert "uploads" not in str(documents)


def test_without_a_volume_the_api_takes_no_media(helm: str) -> None:
    documents = render(helm, ADDRESS | {"api": {"enabled": True}})

    assert "uploads" not in str(documents).lower()


def test_nobody_reaches_a_worker_and_flower_and_the_api_reach_redis_alone(helm: str) -> None:
    documents = render(helm, FULL)

    media, flower, api = (
        one(documents, "NetworkPolicy", name)["spec"] for name in ("media", "flower", "api")
    )
    assert media["ingress"] == []
    assert flower["ingress"] == [
        {"from": FULL["networkPolicy"]["flower"], "ports": [{"protocol": "TCP", "port": 5555}]}
    ]
    redis = {
        "ports": [{"protocol": "TCP", "port": 6380}, {"protocol": "TCP", "port": 26379}],
        "to": FULL["networkPolicy"]["redis"],
    }
    further = FULL["networkPolicy"]["egress"]
    assert api["ingress"] == [
        {"from": FULL["networkPolicy"]["api"], "ports": [{"protocol": "TCP", "port": 8090}]}
    ]
    assert flower["egress"][1:] == api["egress"][1:] == [redis, *further]
    assert media["egress"][1] == redis
    assert {port["port"] for port in media["egress"][2]["ports"]} == {443, 22}
    assert media["egress"][3:] == further


def test_whoever_is_told_of_sentinels_reaches_them_and_has_their_password(helm: str) -> None:
    documents = render(helm, FULL)

    for name in ("calls", "media", "flower", "api"):
        pod = one(documents, "Deployment", name)["spec"]["template"]["spec"]
        env = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
        ports = [
            port["port"]
            for rule in one(documents, "NetworkPolicy", name)["spec"]["egress"]
            if rule.get("to") == FULL["networkPolicy"]["redis"]
            for port in rule["ports"]
        ]
        assert ports == [6380, 26379]
        assert env["GONG_INGEST_REDIS_SENTINEL_PASSWORD_FILE"] == "/run/secrets/sentinel-password"


def test_one_port_is_reached_unless_more_are_named(helm: str) -> None:
    policy = one(render(helm, ADDRESS), "NetworkPolicy", "flower")["spec"]

    assert policy["egress"][1:] == [{"ports": [{"protocol": "TCP", "port": 6379}]}]


def test_authorities_are_mounted_where_settings_name_them(helm: str) -> None:
    documents = render(helm, FULL)

    named = FULL["settings"]["REQUESTS_CA_BUNDLE"]
    for pod in pods(documents):
        (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "authorities"]
        assert named.startswith(f"{mount['mountPath']}/")
        assert {"name": "authorities"} | FULL["authorities"]["volume"] in pod["volumes"]


def test_the_runbook_pauses_what_scales_by_the_name_that_it_has(helm: str) -> None:
    name = one(render(helm, FULL), "ScaledObject", "media")["metadata"]["name"]
    ledger = (CHART.parents[1] / "runbook" / "ledger.md").read_text("utf-8")

    assert set(re.findall(r"kubectl annotate scaledobject (\S+)", ledger)) == {name}


def test_values_of_a_chart_that_did_not_know_the_newest_ones_are_rendered(helm: str) -> None:
    # `helm upgrade --reuse-values` leaves out the defaults of what is new.
    unknown = {"data": None, "authorities": None, "secretVariables": None, "redis": {"furtherPorts": None}}

    assert render(helm, ADDRESS | unknown) == render(helm, ADDRESS)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"settings": {"GONG_BASE_URL": "https://a", "GONG_INGEST_REDIS_URL": "redis://a"}}, "'not' failed"),
        ({"settings": {"GONG_BASE_URL": "https://a", "GONG_INGEST_BURST": 2}}, "want string"),
        ({"settings": {"GONG_INGEST_BURST": "2"}}, "missing property 'GONG_OAUTH_CLIENT_ID'"),
        ({}, "missing property 'GONG_BASE_URL'"),
        (ADDRESS | {"api": {"tokens": {"name": ""}}}, "minLength"),
        ({"settings": {"GONG_BASE_URL": "https://a", "GONG_INGEST_API_TOKENS": "/a"}}, "'not' failed"),
        ({"settings": {"GONG_BASE_URL": "https://a", "OTEL_EXPORTER_OTLP_HEADERS": "a=b"}}, "'not' failed"),
        ({"settings": {"GONG_BASE_URL": "https://a", "HTTPS_PROXY": "http://u:p@a"}}, "pattern"),
        (ADDRESS | {"secretVariables": {"GONG_ACCESS_KEY": {"name": "a", "key": "b"}}}, "not allowed"),
        (ADDRESS | {"redis": {"furtherPorts": ["26379"]}}, "want integer"),
        (
            {"workers": {"uploads": {"replicas": 1, "processes": 1}}},
            "additional properties 'uploads' not allowed",
        ),
        ({"secret": {"keys": ["access-key"]}}, "redis-url"),
        ({"image": {"digest": "latest"}}, "does not match pattern"),
        ({"replicas": 3}, "additional properties 'replicas' not allowed"),
    ],
)
def test_wrong_values_are_refused(helm: str, values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(NotRendered) as refused:
        render(helm, values)

    assert complaint in str(refused.value)
