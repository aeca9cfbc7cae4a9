# SPDX-License-Identifier: MIT
"""A headless Chromium that is told what to do by the DevTools protocol, over two pipes.

It loads pages from files alone; whatever it asks the network for, and whatever a page says on its console,
is kept and can be looked at.
"""

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

LIMIT = 120

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--hide-scrollbars", "--force-color-profile=srgb", "about:blank"]


class BrowserFailure(Exception):
    """The browser did not do what it was told."""


class Browser:
    """One process; pages are made with open()."""

    def __init__(self, program):
        self.home = tempfile.mkdtemp(prefix="browser-")
        to_read, self.to = os.pipe()
        self.of, to_write = os.pipe()

        def pipes():
            first, second = os.dup(to_read), os.dup(to_write)
            os.dup2(first, 3)
            os.dup2(second, 4)

        self.process = subprocess.Popen(
            [program, f"--user-data-dir={self.home}", *ARGUMENTS], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=pipes,
            close_fds=False, start_new_session=True, env={**os.environ, "HOME": self.home})
        os.close(to_read)
        os.close(to_write)
        self.number, self.data, self.events = 0, b"", []

    def close(self):
        """Asks it to end, and makes it if it does not."""
        with contextlib.suppress(BrowserFailure, OSError):
            self.command("Browser.close")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(LIMIT)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.to)
        os.close(self.of)
        shutil.rmtree(self.home, ignore_errors=True)

    def receive(self, until):
        """The next message; a failure if there is none by then."""
        while b"\0" not in self.data:
            ready, _, _ = select.select([self.of], [], [], max(0, until - time.monotonic()))
            more = os.read(self.of, 1 << 20) if ready else b""
            if not more:
                raise BrowserFailure("the browser says nothing more")
            self.data += more
        message, _, self.data = self.data.partition(b"\0")
        return json.loads(message)

    def command(self, method, session=None, **parameters):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + LIMIT
        while True:
            told = self.receive(until)
            if told.get("id") != number:
                self.events.append(told)
            elif "error" in told:
                raise BrowserFailure(f"{method}: {told['error']['message']}")
            else:
                return told["result"]

    def wait(self, method, session):
        """The next event of this name, which may have come already."""
        until = time.monotonic() + LIMIT
        while True:
            for event in self.events:
                if event.get("method") == method and event.get("sessionId") == session:
                    return event["params"]
            self.events.append(self.receive(until))

    @contextlib.contextmanager
    def open(self, path, width=1400, height=900, dark=False):
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        page = Page(self, self.command("Target.attachToTarget", targetId=target,
                                       flatten=True)["sessionId"])
        page.load(path, width, height, dark)
        yield page
        self.command("Target.closeTarget", targetId=target)
        self.events = []


class Page:
    """One page in a tab of its own."""

    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def command(self, method, **parameters):
        return self.browser.command(method, self.session, **parameters)

    def load(self, path, width, height, dark):
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=1, mobile=False)
        self.dark(dark)
        self.command("Page.navigate", url=path.as_uri())
        self.browser.wait("Page.loadEventFired", self.session)

    def dark(self, dark):
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def ask(self, expression):
        """The value of an expression of the page's script; of what it promises, if it does."""
        told = self.command("Runtime.evaluate", expression=expression, returnByValue=True,
                            awaitPromise=True)
        if "exceptionDetails" in told:
            raise BrowserFailure(f"{expression}: {json.dumps(told['exceptionDetails'])[:2000]}")
        return told["result"].get("value")

    def frame(self):
        """Until what was asked for is drawn."""
        self.ask("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def mouse(self, kind, x, y, **more):
        self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x, y):
        self.mouse("mousePressed", x, y, button="left", clickCount=1)
        self.mouse("mouseReleased", x, y, button="left", clickCount=1)

    def drag(self, x0, x1, y, modifiers=0):
        more = {"button": "left", "buttons": 1, "modifiers": modifiers}
        self.mouse("mousePressed", x0, y, clickCount=1, **more)
        self.mouse("mouseMoved", (x0 + x1) / 2, y, **more)
        self.mouse("mouseMoved", x1, y, **more)
        self.mouse("mouseReleased", x1, y, clickCount=1, **more)

    def key(self, key):
        for kind in ("keyDown", "keyUp"):
            more = {"text": key} if kind == "keyDown" and len(key) == 1 else {}
            self.command("Input.dispatchKeyEvent", type=kind, key=key, **more)

    def picture(self):
        return base64.b64decode(self.command("Page.captureScreenshot")["data"])

    def complaints(self):
        """What the console, the log and the network had to say since the page was opened."""
        found = []
        for event in self.browser.events:
            method, told = event.get("method"), event.get("params", {})
            if event.get("sessionId") != self.session:
                continue
            if method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
                found.append(f"{method}: {json.dumps(told)[:500]}")
            if method == "Network.requestWillBeSent" and \
                    not told["request"]["url"].startswith(("file:", "data:")):
                found.append(f"asked for {told['request']['url'][:200]}")
        return found
