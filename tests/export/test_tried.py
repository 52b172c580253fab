import io
import json

from tfqnoise.export import tried

ASKED = {"seconds": 30, "memory": 2**32, "threads": 1, "kernels": "built-in"}


def test_it_answers_each_model_in_turn_until_the_input_ends(monkeypatch):
    monkeypatch.setattr(tried, "answer", lambda content, asked: {"kernel": content.decode()})
    questions = b"".join(json.dumps({"bytes": len(text)}).encode() + b"\n" + text for text in (b"one", b"", b"three"))
    answers = io.BytesIO()
    tried.main(io.BytesIO(questions + b'{"bytes": 9}\ncut'), answers)
    ready, *rest = answers.getvalue().splitlines()
    assert ready == b"ready"
    assert [json.loads(line)["kernel"] for line in rest] == ["one", "", "three"]
