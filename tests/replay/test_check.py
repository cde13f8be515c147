"""`wfctl replay check` end to end, with the code of real little projects in processes of their own."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.replay.building import GREETING, Project, as_json, clean_environment, event, one_activity


def test_code_that_agrees_with_its_history_is_compatible(greeting: Project) -> None:
    done = greeting.check("greeting:Greeting", "--histories", "histories")
    assert (done.code, done.verdicts) == (0, ["compatible"])
    (result,) = done.results
    assert result["workflow_id"] == "greeting-1"
    assert result["run_id"] == "run-1"
    assert result["workflow_type"] == "Greeting"
    assert result["judged_to_event_id"] == result["events"] == 11
    assert done.document["summary"]["compatible"] == 1


def test_an_added_timer_is_nondeterminism(greeting: Project) -> None:
    greeting.write(
        "greeting.py", GREETING.replace("        return await", "        await workflow.sleep(1)\n        return await")
    )
    done = greeting.check("greeting", "--histories", "histories")
    assert (done.code, done.verdicts) == (10, ["nondeterminism"])
    assert done.results[0]["event_id"] == 5
    assert done.results[0]["detail"]


def test_a_type_that_the_code_does_not_have_is_unregistered(greeting: Project) -> None:
    greeting.history("other.json", one_activity("Farewell"))
    done = greeting.check("greeting", "--histories", "histories")
    assert (done.code, done.verdicts) == (12, ["compatible", "unregistered"])
    assert "'Farewell'" in done.results[1]["detail"]
    skipping = greeting.check("greeting", "--histories", "histories", "--skip-unregistered")
    assert (skipping.code, skipping.verdicts) == (0, ["compatible", "skipped"])


def test_a_payload_of_another_type_is_a_decode_error(greeting: Project) -> None:
    greeting.write("greeting.py", GREETING.replace("name: str", "name: int"))
    done = greeting.check("greeting", "--histories", "histories")
    assert (done.code, done.verdicts) == (13, ["decode_error"])


def test_an_exception_where_history_went_on_is_a_workflow_error(greeting: Project) -> None:
    greeting.write(
        "greeting.py", GREETING.replace("        return await", "        {}['missing']\n        return await")
    )
    done = greeting.check("greeting", "--histories", "histories")
    assert (done.code, done.verdicts) == (11, ["workflow_error"])


def test_code_that_ends_its_process_does_not_end_the_check(greeting: Project) -> None:
    leaving = '        if name == "leave":\n            import os\n            os._exit(3)\n        return await'
    greeting.write(
        "greeting.py",
        "import os\n"
        + GREETING.replace("        return await", leaving).replace(
            "@workflow.defn", "@workflow.defn(sandboxed=False)"
        ),
    )
    events = json.loads(as_json(one_activity()).replace("IkFkYSI=", "ImxlYXZlIg=="))["events"]
    greeting.history("a-leaving.json", events)
    done = greeting.check("greeting", "--histories", "histories", "--jobs", "1")
    assert (done.code, done.verdicts) == (11, ["workflow_error", "compatible"])
    assert "exit code 3" in done.results[0]["detail"]


def test_a_process_that_is_killed_is_trouble_of_the_check(greeting: Project) -> None:
    killing = '        if name == "kill":\n            os.kill(os.getpid(), 9)\n        return await'
    code = "import os\n" + GREETING.replace("        return await", killing)
    greeting.write("greeting.py", code.replace("@workflow.defn", "@workflow.defn(sandboxed=False)"))
    events = json.loads(as_json(one_activity()).replace("IkFkYSI=", "ImtpbGwi"))["events"]
    greeting.history("a-killed.json", events)
    done = greeting.check("greeting", "--histories", "histories", "--jobs", "1")
    assert (done.code, done.verdicts) == (16, ["infrastructure", "compatible"])
    assert "killed by SIGKILL" in done.results[0]["detail"]


def test_code_that_spins_times_out_and_the_others_are_judged(greeting: Project) -> None:
    spinning = '        while name == "spin":\n            pass\n        return await'
    greeting.write("greeting.py", GREETING.replace("        return await", spinning))
    events = json.loads(as_json(one_activity()).replace("IkFkYSI=", "InNwaW4i"))["events"]
    greeting.history("a-spinning.json", events)
    done = greeting.check("greeting", "--histories", "histories", "--jobs", "1", "--timeout", "20")
    assert (done.code, done.verdicts) == (14, ["timeout", "compatible"])


def test_code_that_sleeps_in_a_blocking_call_times_out(greeting: Project) -> None:
    blocking = "import time\n" + GREETING.replace(
        "        return await", "        time.sleep(60)\n        return await"
    )
    greeting.write("greeting.py", blocking.replace("@workflow.defn", "@workflow.defn(sandboxed=False)"))
    done = greeting.check("greeting", "--histories", "histories", "--timeout", "1")
    assert (done.code, done.verdicts) == (14, ["timeout"])


def test_what_workflow_code_prints_does_not_reach_stdout(greeting: Project) -> None:
    greeting.write(
        "greeting.py",
        "print('imported')\n"
        + GREETING.replace("        return await", "        print('replayed')\n        return await"),
    )
    done = greeting.check("greeting", "--histories", "histories")
    assert done.verdicts == ["compatible"]


def test_nothing_replayed_is_a_failure(greeting: Project) -> None:
    (greeting.root / "empty").mkdir()
    done = greeting.check("greeting", "--histories", "empty")
    assert (done.code, done.results) == (18, [])
    assert "nothing was replayed" in done.err
    greeting.write("notes/package.json", '{"name": "x"}')
    done = greeting.check("greeting", "--histories", "notes")
    assert (done.code, done.verdicts) == (18, ["skipped"])
    assert done.results[0]["history"] == "notes/package.json"


def test_type_filters_and_names_what_it_skips(greeting: Project) -> None:
    greeting.history("other.json", one_activity("Farewell"))
    done = greeting.check("greeting", "--histories", "histories", "--type", "Greeting")
    assert (done.code, done.verdicts) == (0, ["compatible", "skipped"])


def test_fail_fast_names_what_was_not_judged(greeting: Project) -> None:
    for number in range(6):
        greeting.history(
            f"{number}.json", one_activity("Unknown" if number == 0 else "Greeting", run_id=f"run-{number}")
        )
    done = greeting.check("greeting", "--histories", "histories", "--jobs", "1", "--fail-fast")
    assert done.code == 12
    assert done.verdicts[0] == "unregistered"
    assert set(done.verdicts[1:]) == {"skipped"}
    assert "--fail-fast" in done.results[1]["detail"]
    names = [one["history"] for one in done.results]
    assert len(names) == len(set(names)), "the one that failed is not skipped besides"
    assert "stopped at the first failure" in done.err


def test_results_come_in_the_order_of_the_histories(greeting: Project) -> None:
    names = [f"{number:02}.json" for number in range(20)]
    for name in names:
        greeting.history(name)
    (greeting.root / "histories/one.json").unlink()
    done = greeting.check("greeting", "--histories", "histories", "--jobs", "3")
    assert [one["history"] for one in done.results] == [f"histories/{name}" for name in names]


def test_jsonl_gives_a_result_a_line_and_ends_with_the_summary(greeting: Project) -> None:
    done = greeting.run("replay", "check", "greeting", "--histories", "histories", "-o", "jsonl")
    first, last = [json.loads(line) for line in done.out.splitlines()]
    assert first["verdict"] == "compatible"
    assert last["summary"]["total"] == 1


def test_ctrl_c_gives_the_report_so_far(greeting: Project) -> None:
    blocking = "import time\n" + GREETING.replace(
        "        return await", "        time.sleep(60)\n        return await"
    )
    greeting.write(
        "stuck.py", blocking.replace("Greeting", "Stuck").replace("@workflow.defn", "@workflow.defn(sandboxed=False)")
    )
    greeting.history("two.json", one_activity("Stuck"))
    process = subprocess.Popen(
        [sys.executable, "-m", "wfctl", "replay", "check", "greeting", "stuck", "--histories", "histories",
         "--jobs", "1", "--timeout", "50", "-o", "jsonl", "--junit", "junit.xml"],
        cwd=greeting.root, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["verdict"] == "compatible"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    lines = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 130
    assert lines[0]["verdict"] == "skipped"
    assert "interrupted" in lines[0]["detail"]
    assert lines[-1]["summary"]["compatible"] == 1
    assert "interrupted" in err
    assert (greeting.root / "junit.xml").exists()


def test_no_process_outlives_the_check(greeting: Project) -> None:
    marker = f"wfctl-test-{os.getpid()}-{time.monotonic_ns()}"
    greeting.run("replay", "check", "greeting", "--histories", "histories", "--jobs", "2", WFCTL_MARK=marker)
    alive = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                if marker.encode() in file.read():
                    alive.append(pid)
        except OSError:
            continue
    assert alive == []


def test_a_history_that_ends_in_a_started_task_is_judged_as_far_as_it_reaches(greeting: Project) -> None:
    greeting.history("open.json", one_activity()[:9])
    done = greeting.check("greeting", "--histories", "histories/open.json")
    assert (done.code, done.verdicts) == (0, ["compatible"])


def test_several_documents_in_one_file_are_several_histories(greeting: Project) -> None:
    greeting.write("all.jsonl", "\n".join(json.dumps({"events": one_activity(run_id=f"run-{n}")}) for n in range(3)))
    done = greeting.check("greeting", "--histories", "all.jsonl")
    assert [one["history"] for one in done.results] == ["all.jsonl", "all.jsonl#2", "all.jsonl#3"]
    assert [one["run_id"] for one in done.results] == ["run-0", "run-1", "run-2"]


def test_stdin_is_a_source(greeting: Project) -> None:
    done = greeting.check("greeting", "--histories", "-", stdin=as_json(one_activity()).encode())
    assert (done.verdicts, done.results[0]["history"]) == (["compatible"], "stdin")


def test_stdin_may_be_gzipped_and_is_told_when_it_is_empty(greeting: Project) -> None:
    done = greeting.check("greeting", "--histories", "-", stdin=gzip.compress(as_json(one_activity()).encode()))
    assert done.verdicts == ["compatible"]
    done = greeting.check("greeting", "--histories", "-")
    assert (done.verdicts, done.results[0]["detail"]) == (["bad_history"], "stdin is empty")


@pytest.mark.parametrize(("arguments", "code"), [
    (("greeting",), 2),
    (("-H", "histories"), 2),
    (("greetin", "-H", "histories"), 17),
    (("greeting.Greeting", "-H", "histories"), 17),
    (("importing", "-H", "histories"), 17),
    (("leaving", "-H", "histories"), 17),
    (("greeting", "-H", "nowhere"), 3),
    (("greeting", "-H", "empty"), 18),
    (("greeting", "-H", "notes"), 18),
    (("greeting", "--database", "nowhere.db"), 3),
    (("greeting", "--database", "notes/package.json"), 1),
    (("greeting", "-q", "x=1", "--address", "127.0.0.1:1"), 4),
    (("greeting", "-H", "histories", "--run-id", "x"), 2),
    (("greeting", "-H", "histories", "--lang", "rust"), 2),
    (("greeting", "-H", "histories", "--jobs", "many"), 2),
    (("greeting", "-H", "histories", "--junit", "/dev/null/junit.xml"), 1),
    (("greeting", "--status", "Done"), 2),
    (("greeting", "--since", "soon"), 2),
])  # fmt: skip
def test_every_refusal_says_what_happened_and_gives_a_hint(
    greeting: Project, arguments: tuple[str, ...], code: int
) -> None:
    (greeting.root / "empty").mkdir()
    greeting.write("notes/package.json", '{"name": "x"}')
    greeting.write("importing.py", "import nosuch\n")
    greeting.write("leaving.py", "import os\nos._exit(3)\n")
    done = greeting.run("replay", "check", *arguments)
    assert done.code == code, done.err
    assert "error: " in done.err
    assert "\nhint: " in done.err
    assert "Traceback" not in done.err


def test_a_broken_file_does_not_end_the_others(greeting: Project) -> None:
    greeting.write("histories/a.json", as_json(one_activity())[:700])
    broken = one_activity()
    del broken[6]
    greeting.history("b.json", broken)
    greeting.history("c.json", [*one_activity(), event(12, "TimerFired", startedEventId="5")])
    done = greeting.check("greeting", "--histories", "histories")
    assert done.verdicts == ["bad_history", "bad_history", "bad_history", "compatible"]
    assert "cut short" in done.results[0]["detail"]
    assert done.results[1]["detail"] == "event 7 is missing: 6 is followed by 8 (WorkflowTaskScheduled)"
    assert done.results[1]["event_id"] == 8
    assert "stands after WorkflowExecutionCompleted" in done.results[2]["detail"]
    assert done.code == 15
