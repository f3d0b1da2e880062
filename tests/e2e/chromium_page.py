# SPDX-License-Identifier: MIT
"""One page in a headless Chromium, driven over its debugging pipe."""

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--remote-debugging-pipe", "--hide-scrollbars",
]


def find_chromium():
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Page:
    """A context manager: the browser lives as long as the with block."""

    def __init__(self, size=(1300, 1000), dark=False):
        self.size = size
        self.dark = dark
        self.messages = []
        self.requests = []
        self._next_id = 0
        self._buffer = b""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="chromium-",
                                                   ignore_cleanup_errors=True)
        read_end, self._write = os.pipe()
        self._read, write_end = os.pipe()
        # Chromium reads commands from descriptor 3 and writes to 4.
        wire = f'exec "$@" 3<&{read_end} 4>&{write_end}'
        self._process = subprocess.Popen(
            ["bash", "-c", wire, "bash", find_chromium(), *FLAGS,
             f"--user-data-dir={self._folder.name}", "--window-size=%d,%d" % self.size, "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(read_end, write_end))
        os.close(read_end)
        os.close(write_end)
        targets = self.call("Target.getTargets", session=None)["targetInfos"]
        target = next(one for one in targets if one["type"] == "page")
        self._session = self.call("Target.attachToTarget", session=None,
                                  targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Runtime", "Page", "Log", "Network"):
            self.call(domain + ".enable")
        scheme = "dark" if self.dark else "light"
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])
        return self

    def __exit__(self, *unused):
        # Asked to close, it ends its children first; those would still write into the folder.
        try:
            self.call("Browser.close", session=None)
            self._process.wait(10)
        except (RuntimeError, OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)
        self._folder.cleanup()

    def call(self, method, session="page", **params):
        self._next_id += 1
        message = {"id": self._next_id, "method": method, "params": params}
        if session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == message["id"]:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _receive(self, deadline):
        while b"\0" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._read], [], [], left)[0]:
                raise TimeoutError("chromium doesn't answer")
            chunk = os.read(self._read, 1 << 20)
            if not chunk:
                raise RuntimeError("chromium has gone")
            self._buffer += chunk
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _note(self, event):
        """Keeps what the page complains about and what it asks the network for."""
        params = event.get("params", {})
        if event.get("method") == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.messages.append(details.get("exception", {}).get("description", details["text"]))
        elif event.get("method") == "Runtime.consoleAPICalled":
            self.messages.append(str(params["args"]))
        elif event.get("method") == "Log.entryAdded":
            self.messages.append(params["entry"]["text"])
        elif event.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])

    def open(self, path):
        self.call("Page.navigate", url="file://" + os.path.abspath(path))
        deadline = time.monotonic() + 30
        while not self._is_loaded():
            if time.monotonic() > deadline:
                raise TimeoutError(path)
            time.sleep(0.05)

    def _is_loaded(self):
        try:
            return self.evaluate(
                "location.protocol === 'file:' && document.readyState === 'complete'")
        except RuntimeError:
            # The old document went away while we asked.
            return False

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"]["exception"]["description"])
        return result["result"].get("value")

    def press(self, key):
        text = key if len(key) == 1 else None
        extra = {"text": text} if text else {}
        codes = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "Enter": 13,
                 "Escape": 27}
        if key in codes:
            extra["windowsVirtualKeyCode"] = codes[key]
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **extra)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def mouse(self, kind, x, y, **extra):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **extra)

    def screenshot(self, path, full=True):
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=full, format="png",
                         **({"clip": self._whole()} if full else {}))
        with open(path, "wb") as out:
            out.write(base64.b64decode(shot["data"]))

    def _whole(self):
        height = self.evaluate("document.documentElement.scrollHeight")
        return {"x": 0, "y": 0, "width": self.size[0], "height": height, "scale": 1}
