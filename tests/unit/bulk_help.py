"""What the tests of the sandbox's bulk jobs share: jobs by hand, one request a step."""

from __future__ import annotations

import csv
import io
from typing import Any

import requests
from sandbox_help import Client


def table(text: str) -> list[list[str]]:
    """A CSV body as rows of text, its header first."""
    return list(csv.reader(io.StringIO(text, newline="")))


class Bulk:
    """Bulk API 2.0 by plain requests."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def ask(self, soql: str, operation: str = "query", **more: Any) -> str:
        """The id of a new query job."""
        body = {"operation": operation, "query": soql, **more}
        answer = self.client.send("POST", "jobs/query", body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def state(self, job: str, direction: str = "query") -> str:
        """The job's state, which counts as a poll."""
        return str(self.info(job, direction)["state"])

    def info(self, job: str, direction: str = "query") -> Any:
        """The job's info, which counts as a poll."""
        return self.client.send("GET", f"jobs/{direction}/{job}").json()

    def page(self, job: str, **params: Any) -> requests.Response:
        """One page of a query job's results."""
        return self.client.send("GET", f"jobs/query/{job}/results", params=params)

    def read(self, soql: str, operation: str = "query", **more: Any) -> list[list[str]]:
        """A whole query: its rows, header first, from one page."""
        job = self.ask(soql, operation, **more)
        assert self.state(job) == "JobComplete"
        return table(self.page(job).text)

    def open(self, operation: str, object_name: str = "Account", **more: Any) -> str:
        """The id of a new ingest job."""
        body = {"operation": operation, "object": object_name, **more}
        answer = self.client.send("POST", "jobs/ingest", body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    def put(
        self, job: str, text: str | bytes, content_type: str = "text/csv; charset=UTF-8"
    ) -> requests.Response:
        """Upload a job's data."""
        url = f"{self.client.box.url}/services/data/v67.0/jobs/ingest/{job}/batches"
        data = text if isinstance(text, bytes) else text.encode()
        headers = {"Content-Type": content_type}
        return self.client.http.put(url, data=data, headers=headers, timeout=10)

    def change(self, job: str, state: str, direction: str = "ingest") -> requests.Response:
        """Set a job's state."""
        return self.client.send("PATCH", f"jobs/{direction}/{job}", {"state": state})

    def load(self, operation: str, text: str, object_name: str = "Account", **more: Any) -> Any:
        """A whole ingest job, polled once: its info."""
        job = self.open(operation, object_name, **more)
        assert self.put(job, text).status_code == 201
        assert self.change(job, "UploadComplete").status_code == 200
        return self.info(job, "ingest")

    def results(self, job: str, kind: str) -> list[list[str]]:
        """A result table of an ingest job, header first."""
        answer = self.client.send("GET", f"jobs/ingest/{job}/{kind}")
        assert answer.status_code == 200, answer.text
        return table(answer.text)

    def errors(self, job: str) -> list[str]:
        """The errors of an ingest job's refused rows."""
        return [row[1] for row in self.results(job, "failedResults")[1:]]
