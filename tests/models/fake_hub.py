"""A small hub on this machine: the few endpoints that huggingface_hub needs to read a model repository and to write one."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


@dataclass
class Hub:
    """What it holds: by repository the commits by branch, and by commit its files; what it refuses, and what it was told."""

    branches: dict[str, dict[str, str]] = field(default_factory=dict)
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    writers: tuple[str, ...] = ("good",)
    requests: list[str] = field(default_factory=list)
    url: str = ""

    def put(self, name: str, files: dict[str, bytes], branch: str = "main") -> str:
        """A new commit with these files; returns its name."""
        before = self.commits.get(self.branches.get(name, {}).get(branch, ""), {})
        whole = {**before, **files}
        commit = hashlib.sha1(repr((name, sorted(whole.items()), len(self.commits))).encode()).hexdigest()
        self.commits[commit] = whole
        self.branches.setdefault(name, {})[branch] = commit
        return commit

    def commit_of(self, name: str, revision: str) -> str | None:
        """The commit that a branch or a commit's own name stands for."""
        return self.branches[name].get(revision) or (revision if revision in self.commits else None)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    hub: Hub

    def log_message(self, *_):
        pass

    def answer(self, value=None, status=200, headers=None, body=b""):
        body = json.dumps(value).encode() if value is not None else body
        self.send_response(status)
        for name, text in {"Content-Length": str(len(body)), "Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, text)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refuse(self, status, code=None):
        self.answer({"error": "no"}, status, {"X-Error-Code": code} if code else {})

    def parts(self):
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        return path.strip("/").split("/")

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        parts = self.parts()
        api = parts[:2] == ["api", "models"]
        name, rest = "/".join(parts[2:4] if api else parts[:2]), parts[4:] if api else parts[2:]
        if name not in self.hub.branches:
            return self.refuse(404, "RepoNotFound")
        if name in self.hub.gated:
            return self.refuse(403, "GatedRepo")
        commit = self.hub.commit_of(name, rest[1] if len(rest) > 1 else "main")
        if commit is None:
            return self.refuse(404, "RevisionNotFound")
        files = self.hub.commits[commit]
        if api and rest[:1] == ["tree"]:
            return self.answer([{"type": "file", "path": one, "size": len(held), "oid": etag(held)} for one, held in files.items()])
        if api:
            about = {"_id": "1", "id": name, "modelId": name, "sha": commit, "private": False, "tags": [], "downloads": 0}
            return self.answer({**about, "siblings": [{"rfilename": one} for one in files]})
        path = "/".join(rest[2:])
        if path not in files:
            return self.refuse(404, "EntryNotFound")
        return self.answer(body=files[path], headers={"X-Repo-Commit": commit, "ETag": f'"{etag(files[path])}"'})

    def do_POST(self):
        parts = self.parts()
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if parts == ["api", "validate-yaml"]:
            return self.answer({"errors": [], "warnings": []})
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if not token:
            return self.refuse(401)
        if token not in self.hub.writers:
            return self.refuse(403)
        if parts == ["api", "repos", "create"]:
            given = json.loads(text)
            name = f"{given['organization']}/{given['name']}"
            if name in self.hub.branches:
                return self.answer({"url": f"{self.hub.url}/{name}", "error": "it exists"}, 409)
            self.hub.put(name, {".gitattributes": b""})
            self.hub.private[name] = given.get("private") or given.get("visibility") == "private"
            return self.answer({"url": f"{self.hub.url}/{name}"})
        name, what = "/".join(parts[2:4]), parts[4]
        if what == "branch":
            self.hub.branches[name].setdefault("/".join(parts[5:]), self.hub.branches[name]["main"])
            return self.answer({})
        if what == "preupload":
            files = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in json.loads(text)["files"]]
            return self.answer({"files": files})
        lines = [json.loads(line) for line in text.splitlines()]
        files = {one["value"]["path"]: base64.b64decode(one["value"]["content"]) for one in lines if one["key"] == "file"}
        commit = self.hub.put(name, files, "/".join(parts[5:]))
        return self.answer({"success": True, "commitOid": commit, "commitUrl": f"{self.hub.url}/{name}/commit/{commit}"})


def etag(held: bytes) -> str:
    """What names a file's content."""
    return hashlib.sha1(held).hexdigest()


@contextmanager
def serving() -> Iterator[Hub]:
    """A hub that answers on a free port inside the block."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
