"""The alerts that are shipped: each speaks when it should, all are silent over a healthy node, and none asks for what
the node does not say. Prometheus itself evaluates them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.documents import DOCS

RULES = DOCS / "monitoring.rules.yml"
DASHBOARD = DOCS / "monitoring.dashboard.json"
HEALTHY = {
    'up{job="uptake",instance="node"}': "1+0x300",
    'uptake_problem{instance="node",reason="disk-full"}': "0+0x300",
    'uptake_nodes{instance="node",node="b",state="lost"}': "0+0x300",
    'uptake_disk_free_bytes{instance="node"}': "50e9+0x300",
    'uptake_disk_mark_bytes{instance="node",mark="warn"}': "10e9+0x300",
    'uptake_disk_mark_bytes{instance="node",mark="associations"}': "1e9+0x300",
    'uptake_process_deaths_total{instance="node",role="worker"}': "0+0x140 1+0x160",
    'uptake_journal_oldest_seconds{instance="node"}': "2+0x300",
    'uptake_study_oldest_seconds{instance="node",state="complete"}': "60+0x300",
    'uptake_delivery_oldest_seconds{instance="node",destination="PACS"}': "3+0x300",
    'uptake_deliveries{instance="node",destination="PACS",state="failed"}': "0+0x300",
    'uptake_studies{instance="node",state="failed"}': "0+0x300",
    'uptake_events_total{instance="node",action="study-arrived",outcome="success"}': "0+0.5x300",
    'uptake_events_total{instance="node",action="study-rejected",outcome="failure"}': "0+0.025x300",
    'uptake_turnaround_seconds_bucket{instance="node",le="60"}': "0+0.5x300",
    'uptake_turnaround_seconds_bucket{instance="node",le="600"}': "0+0.5x300",
    'uptake_turnaround_seconds_bucket{instance="node",le="3600"}': "0+0.5x300",
    'uptake_turnaround_seconds_bucket{instance="node",le="+Inf"}': "0+0.5x300",
}
WRONG = {
    "UptakeDown": {'up{job="uptake",instance="node"}': "0+0x300"},
    "UptakeProblem": {'uptake_problem{instance="node",reason="disk-full"}': "1+0x300"},
    "UptakeNodeLost": {'uptake_nodes{instance="node",node="b",state="lost"}': "1+0x300"},
    "UptakeDiskLow": {'uptake_disk_free_bytes{instance="node"}': "5e9+0x300"},
    "UptakeDiskFullTomorrow": {'uptake_disk_free_bytes{instance="node"}': "60e9-165e6x300"},
    "UptakeProcessDies": {'uptake_process_deaths_total{instance="node",role="worker"}': "0+1x300"},
    "UptakeIntakeStands": {'uptake_journal_oldest_seconds{instance="node"}': "0+300x300"},
    "UptakeAnalysisStands": {'uptake_study_oldest_seconds{instance="node",state="complete"}': "0+300x300"},
    "UptakeDestinationStands": {'uptake_delivery_oldest_seconds{instance="node",destination="PACS"}': "0+300x300"},
    "UptakeResultsNotTaken": {'uptake_deliveries{instance="node",destination="PACS",state="failed"}': "4+0x300"},
    "UptakeStudiesFailed": {'uptake_studies{instance="node",state="failed"}': "1+0x300"},
    "UptakeStudiesRejected": {
        'uptake_events_total{instance="node",action="study-rejected",outcome="failure"}': "0+0.25x300"
    },
    "UptakeSlow": {
        'uptake_turnaround_seconds_bucket{instance="node",le="60"}': "0+0.05x300",
        'uptake_turnaround_seconds_bucket{instance="node",le="600"}': "0+0.1x300",
    },
}


@pytest.fixture
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not there; Debian's prometheus has it")
    return found


def day(series: dict[str, str], speaking: list[str]) -> dict[str, object]:
    """A test of promtool's: after a day of some series, one value in five minutes, these alerts and no others speak."""
    return {
        "interval": "5m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": "24h",
                "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1} for alert in speaking],
            }
        ],
    }


def test_the_rules_are_rules(promtool: str) -> None:
    subprocess.run([promtool, "check", "rules", str(RULES)], check=True)


def test_every_alert_is_tried() -> None:
    assert set(re.findall(r"alert: (\w+)", RULES.read_text(encoding="utf-8"))) == set(WRONG)


def test_each_speaks_alone_when_it_should_and_none_over_a_healthy_node(promtool: str, tmp_path: Path) -> None:
    days = [day(HEALTHY, []), *(day(HEALTHY | changes, [alert]) for alert, changes in WRONG.items())]
    file = tmp_path / "alerts.test.json"
    document = {"rule_files": [str(RULES)], "evaluation_interval": "5m", "tests": days}
    file.write_text(json.dumps(document), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_panel_of_the_dashboard_asks_in_promql(promtool: str, tmp_path: Path) -> None:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    asked = [target["expr"].replace("$node", ".*") for panel in panels for target in panel["targets"]]
    rules = [{"record": f"asked:{number}", "expr": expression} for number, expression in enumerate(asked)]
    file = tmp_path / "dashboard.rules.json"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    subprocess.run([promtool, "check", "rules", str(file)], check=True)


def test_no_two_panels_of_the_dashboard_lie_on_one_another() -> None:
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    places = [panel["gridPos"] for panel in panels]
    covered = [
        (place["x"] + x, place["y"] + y) for place in places for x in range(place["w"]) for y in range(place["h"])
    ]
    assert len(covered) == len(set(covered))
    assert max(x for x, _ in covered) < 24
