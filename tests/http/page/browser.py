"""Uses the page of a finsent service in Chromium, as a person would: browser.py FINSENT [NAME..]

FINSENT is the command; each NAME runs only the checks with these names. FINSENT_TEST_CLIENTS has axe-core in its
node_modules. With FINSENT_PAGE_PICTURES, pictures of the page are written to that folder."""

import csv
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import expect, sync_playwright

FINSENT = sys.argv[1]
AXE = (Path(os.environ["FINSENT_TEST_CLIENTS"]) / "node_modules/axe-core/axe.min.js").read_text()
SMALL_MODEL = Path(__file__).parents[2] / "golden/small"
ARTICLE = "Añil's profit rose 12% 👍🏽. Its shares plunged after the “warning”.\n\nThe meeting is on Monday."
HEADLINES = ["Orders doubled", "Shares plunged 12%", "Fed leaves rates unchanged", "Profit rose", "Losses widen", "Costs fell 10 %"]
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Service:
    """A `finsent serve`. `again` starts it at the same address once more."""

    def __init__(self, *arguments, listen="127.0.0.1:0"):
        self.arguments, self.listen = arguments, listen
        self.start()

    def start(self):
        command = [FINSENT, "serve", "--offline", "--listen", self.listen, *self.arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            if found := re.search(r"listening on (http://\S+)", line):
                self.url = found[1]
            if "ready after" in line:
                break
        else:
            raise AssertionError(f"{command} ended")
        threading.Thread(target=self.process.stderr.read, daemon=True).start()
        self.listen = urlsplit(self.url).netloc

    def again(self):
        self.process.wait()
        self.start()

    def stop(self):
        self.process.kill()
        self.process.wait()


@contextmanager
def service(*arguments, **more):
    running = Service(*arguments, **more)
    try:
        yield running
    finally:
        running.stop()


class Person:
    """A browser window at the page. It fails if the page asks anyone else for anything, or breaks its own policy."""

    def __init__(self, browser, url, **context):
        self.context = browser.new_context(accept_downloads=True, **{"viewport": {"width": 1280, "height": 900}, **context})
        self.page = self.context.new_page()
        self.problems, self.asked = [], []
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("console", lambda message: self.heard(message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.host = urlsplit(url).netloc
        self.page.goto(url)

    def heard(self, message):
        # Answers with an error status are shown by the page.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def leave(self):
        elsewhere = [url for url in self.asked if urlsplit(url).netloc != self.host and not url.startswith("blob:")]
        assert not elsewhere, elsewhere
        assert not self.problems, self.problems
        self.context.close()

    def button(self, name, **more):
        return self.page.get_by_role("button", name=name, **more)

    def score(self, text):
        self.page.get_by_label("Headline or article").fill(text)
        self.button("Score", exact=True).click()

    def open_file(self, name, content):
        self.page.get_by_role("tab", name="File").click()
        self.page.locator("#file").set_input_files({"name": name, "mimeType": "text/plain", "buffer": content.encode() if isinstance(content, str) else content})

    def score_file(self, name, content):
        self.open_file(name, content)
        self.page.get_by_role("button", name=re.compile(r"^Score .* rows?$")).click()

    def finished(self):
        expect(self.page.locator("#file-run")).to_contain_text("scored in", timeout=120_000)

    def save(self, name):
        with self.page.expect_download() as download:
            self.button(name).click()
        return Path(download.value.path()).read_text()

    def accessible(self, what):
        """Checks with axe-core, and that nothing has to be scrolled sideways."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{what}: the page is {wide} pixels wider than the window"
        self.page.evaluate(AXE)
        result = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        found = [f"{violation['id']}: {[node['html'][:200] + ' ' + node['failureSummary'] for node in violation['nodes'][:3]]}" for violation in result["violations"]]
        assert not found, f"{what}: {found}"


@contextmanager
def person(browser, url, **context):
    found = Person(browser, url, **context)
    yield found
    found.leave()


def table(rows, header=("date", "ticker", "headline")):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([header, *rows])
    return text.getvalue()


def news(count):
    """Rows of few different texts, so that the cache of the service answers most of them."""
    return [(f"2026-{1 + row % 12:02}-{1 + row % 28:02}", f"T{row % 4}", f"{HEADLINES[row % len(HEADLINES)]}") for row in range(count)]


@check
def a_headline_is_scored_with_a_click_or_the_keyboard(browser):
    with service() as running, person(browser, running.url) as someone:
        page = someone.page
        expect(page.locator("#about")).to_contain_text("0.93 on the Financial PhraseBank")
        expect(page.locator("#about")).to_contain_text("It compares no figures")
        someone.button("Bolt shares plunge 12% after profit warning").click()
        expect(page.locator(".verdict")).to_contain_text("Negative")
        expect(page.get_by_role("img", name=re.compile("Sentiment score −0.9"))).to_be_visible()
        assert page.locator(".bars li").count() == 3
        field = page.get_by_label("Headline or article")
        field.focus()
        page.keyboard.press("Control+a")
        page.keyboard.type("Orders doubled")
        page.keyboard.press("Control+Enter")
        expect(page.locator(".verdict")).to_contain_text("Positive")
        expect(page.get_by_role("status").first).to_contain_text("positive, 97")
        someone.button("Clear").click()
        expect(page.get_by_text("Or try one of these")).to_be_visible()
        someone.button("Score", exact=True).click()
        expect(page.locator("#text-status")).to_have_text("Enter a text first.")


@check
def an_article_has_colored_sentences_that_can_be_chosen(browser):
    with service() as running, person(browser, running.url) as someone:
        page = someone.page
        someone.score(ARTICLE)
        sentences = page.locator(".sentence")
        expect(sentences).to_have_count(3)
        shown = page.locator(".reading").evaluate("node => [...node.childNodes].map((child) => child.nodeType === 3 ? child.data : child.firstChild.data).join('')")
        assert shown == ARTICLE, shown
        for index, (side, words) in enumerate([("positive", "Añil's profit rose 12% 👍🏽."), ("negative", "Its shares plunged after the “warning”."), ("neutral", "The meeting is on Monday.")]):
            sentence = sentences.nth(index)
            assert sentence.evaluate("node => node.firstChild.data") == words
            assert side in sentence.get_attribute("class") and f"({side})" in sentence.inner_text(), side
        lines = [sentences.nth(index).evaluate("node => getComputedStyle(node).textDecorationStyle") for index in (0, 1)]
        assert lines == ["solid", "dashed"], lines
        expect(page.locator(".legend")).to_contain_text("dashed line")
        sentences.nth(1).click()
        expect(page.locator(".detail")).to_contain_text("Sentence 2 of 3")
        sentences.nth(0).focus()
        page.keyboard.press("Enter")
        expect(page.locator(".detail")).to_contain_text("Sentence 1 of 3")
        assert sentences.nth(0).get_attribute("aria-pressed") == "true"


def can_explain(page, can):
    """Lets the page see an OpenAPI document that has explanations, or none."""
    def document(route):
        described = route.fetch().json()
        fields = described["components"]["schemas"]["SentimentRequest"]["properties"]
        fields.pop("explain", None)
        if can:
            fields["explain"] = {}
        route.fulfill(json=described)

    page.route("**/openapi.json", document)


def explain(page):
    """Lets the page see a service that explains: each word weighs as many tenths as it has letters, and shares are against."""
    can_explain(page, True)

    def sentiment(route):
        if "ndjson" in route.request.headers["content-type"]:
            return route.continue_()
        body = json.loads(route.request.post_data)
        if not body.get("explain"):
            return route.continue_()
        text = body["inputs"]
        words = [{"start": len(text[:found.start()].encode()), "end": len(text[:found.end()].encode()), "text": found[0], "weight": (-1 if "hares" in found[0] else 1) * len(found[0]) / 10} for found in re.finditer(r"\S+", text)]
        explanation = {"label": "negative", "method": "occlusion", "base": 0.3, "words": words, "standard_error": 0.0123}
        route.fulfill(json={"model": {"name": "mini"}, "results": [{"label": "negative", "score": 0.9, "scores": {"negative": 0.9}, "explanation": explanation}]})

    page.route("**/v1/sentiment", sentiment)


@check
def the_words_that_made_a_prediction_are_shown_if_the_service_explains(browser):
    with service() as running, person(browser, running.url) as someone:
        can_explain(someone.page, False)
        with someone.page.expect_response("**/openapi.json"):
            someone.score("Orders doubled")
        expect(someone.page.locator(".verdict")).to_contain_text("Positive")
        assert someone.button("Which words made it?").count() == 0
    with service() as running, person(browser, running.url) as someone:
        page = someone.page
        explain(page)
        someone.score("“Añil” shares plunged 👍🏽 12%")
        someone.button("Which words made it?").click()
        words = page.locator(".words .word")
        expect(words).to_have_text(["“Añil”", "shares", "plunged", "👍🏽", "12%"])
        assert "negative" in words.nth(2).get_attribute("class") and "against" in words.nth(1).get_attribute("class")
        expect(page.locator(".weights caption")).to_contain_text("standard error of 0.012")
        expect(page.locator(".weights tbody th").first).to_have_text("plunged")
        expect(page.locator(".weights tbody td.figure").first).to_have_text("+0.700")
        someone.accessible("an explanation")


@check
def a_csv_file_is_scored_as_the_command_line_scores_it(browser):
    rows = [("2026-01-05", "A,B", 'Profit "rose"\nagain'), ("2026-02-05", "C", "Shares plunged 12%"), ("2026-03-05", "C", ""), *news(60)]
    with service() as running, person(browser, running.url) as someone, tempfile.TemporaryDirectory() as folder:
        someone.score_file("news.csv", table(rows))
        someone.finished()
        expect(someone.page.locator("#file-run")).to_contain_text("1 failed")
        scored = list(csv.DictReader(io.StringIO(someone.save("Download CSV"))))
        source, output = Path(folder) / "news.csv", Path(folder) / "scored.csv"
        source.write_text(table(rows))
        subprocess.run([FINSENT, "classify", "--offline", "--quiet", "--input", source, "--output", output], check=False)
        expected = list(csv.DictReader(io.StringIO(output.read_text())))
        assert len(scored) == len(expected) == len(rows)
        for mine, theirs in zip(scored, expected):
            for name, value in theirs.items():
                same = mine[name] == value or (name not in ("error", "ticker") and value and mine[name] and abs(float(mine[name]) - float(value)) < 1e-6)
                assert same or name == "error" and bool(mine[name]) == bool(value), (name, mine, theirs)
        lines = [json.loads(line) for line in someone.save("Download JSON Lines").splitlines()]
        assert [line.get("label", "") for line in lines] == [row["label"] for row in expected]
        assert lines[0]["headline"] == 'Profit "rose"\nagain' and "error" in lines[2]


@check
def the_table_is_sorted_filtered_and_searched(browser):
    with service() as running, person(browser, running.url) as someone:
        page = someone.page
        someone.score_file("news.csv", table(news(300)))
        someone.finished()
        first = page.locator("#rows tbody tr:not(.spacer)").first
        someone.button("Sentiment").click()
        expect(page.locator("th[aria-sort=descending]")).to_contain_text("Sentiment")
        expect(first).to_contain_text("Positive")
        someone.button("Sentiment").click()
        expect(first).to_contain_text("Shares plunged 12%")
        page.get_by_label("Search the rows").fill("ORDERS")
        expect(page.locator("#row-count")).to_have_text("50 of 300 rows")
        page.get_by_label("Show rows with").select_option(label="only negative")
        expect(page.locator("#row-count")).to_have_text("0 of 300 rows")
        page.get_by_label("Search the rows").fill("")
        expect(page.locator("#row-count")).to_contain_text("of 300 rows")
        first.get_by_role("button").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("Negative")
        expect(dialog).to_contain_text("ticker")
        someone.accessible("a row")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()


@check
def rows_are_grouped_over_time(browser):
    with service() as running, person(browser, running.url) as someone:
        page = someone.page
        someone.score_file("news.csv", table(news(360)))
        someone.finished()
        expect(page.get_by_role("img", name=re.compile("Lines of 4 groups over 12 months"))).to_be_visible()
        expect(page.locator(".groups tbody tr")).to_have_count(4)
        page.get_by_label("Per", exact=True).select_option("quarter")
        expect(page.get_by_role("img", name=re.compile("over 4 quarters"))).to_be_visible()
        page.get_by_label("Show", exact=True).select_option(label="share of negative")
        expect(page.locator(".groups thead")).to_contain_text("Share of negative")
        page.get_by_label("Group by", exact=True).select_option("no column")
        expect(page.locator(".groups tbody tr")).to_have_count(1)
        expect(page.locator(".groups tbody td").nth(1)).to_contain_text("33.3 %")
        page.get_by_label("Over", exact=True).select_option("no time")
        expect(page.locator("#chart canvas")).to_have_count(0)


@check
def a_hundred_thousand_rows_scroll_sort_and_search(browser):
    with service() as running, person(browser, running.url) as someone:
        page = someone.page
        started = time.monotonic()
        someone.score_file("news.csv", table(news(100_000)))
        someone.finished()
        print(f"  100,000 rows scored in {time.monotonic() - started:.1f} s")
        drawn = page.locator("#rows tbody tr:not(.spacer)")
        assert drawn.count() < 40, drawn.count()
        page.locator("#rows").evaluate("node => { node.scrollTop = node.scrollHeight; }")
        expect(drawn.last).to_contain_text("100,000")
        for name, action in [("sort by text", lambda: someone.button("headline").click()), ("sort by score", lambda: someone.button("Score", exact=True).last.click())]:
            spent = page.evaluate("() => { window.longest = 0; new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.longest = Math.max(window.longest, entry.duration); })).observe({ entryTypes: ['longtask'] }); return 0; }")
            action()
            page.wait_for_timeout(300)
            spent = page.evaluate("window.longest")
            print(f"  {name}: longest task {spent:.0f} ms")
        page.get_by_label("Search the rows").fill("plunged")
        expect(page.locator("#row-count")).to_have_text("16,667 of 100,000 rows")
        assert drawn.count() < 40, drawn.count()


@check
def a_run_can_be_canceled_and_resumed(browser):
    with service() as running, person(browser, running.url) as someone:
        page = someone.page
        someone.score_file("news.jsonl", "".join(json.dumps({"text": f"{HEADLINES[row % 6]} {row}", "n": row}) + "\n" for row in range(1500)))
        expect(page.locator(".progress-text")).to_contain_text("per second")
        someone.button("Cancel").click()
        expect(page.locator("#file-run")).to_contain_text("Canceled.")
        someone.button(re.compile("Resume at row")).click()
        someone.finished()
        lines = [json.loads(line) for line in someone.save("Download JSON Lines").splitlines()]
        assert [line["n"] for line in lines] == list(range(1500)) and all(line["label"] for line in lines)


@check
def a_service_that_is_lost_or_drains_half_way_loses_nothing(browser):
    content = table([("2026-01-01", f"T{row % 4}", f"{HEADLINES[row % 6]} {row}") for row in range(2500)])
    with service() as running, person(browser, running.url) as someone:
        page = someone.page
        someone.score_file("news.csv", content)
        expect(page.locator(".progress-text")).to_contain_text("per second")
        running.process.kill()
        expect(page.locator("#file-run")).to_contain_text("Trying again in")
        expect(page.locator("#file-run")).to_contain_text("done and kept", timeout=60_000)
        row = int(re.search(r"row ([\d,]+) is next", page.locator("#file-run").inner_text())[1].replace(",", ""))
        assert 1 < row < 2500, row
        someone.accessible("a lost service")
        running.again()
        someone.button(re.compile("Resume at row")).click()
        expect(page.locator(".progress-text")).to_contain_text("per second")
        running.process.send_signal(signal.SIGTERM)
        running.again()
        expect(page.locator("#file-run")).to_contain_text(re.compile("scored in|Resume at row"), timeout=120_000)
        if someone.button(re.compile("Resume at row")).is_visible():
            someone.button(re.compile("Resume at row")).click()
        someone.finished()
        scored = list(csv.DictReader(io.StringIO(someone.save("Download CSV"))))
        assert [row["headline"] for row in scored] == [f"{HEADLINES[row % 6]} {row}" for row in range(2500)]
        assert all(row["label"] for row in scored)


@check
def a_busy_service_is_waited_for(browser):
    with service("--max-concurrent-requests", "1") as running, person(browser, running.url) as someone:
        page = someone.page
        expect(page.locator("#about")).to_contain_text("mini")
        host, port = running.listen.split(":")
        with socket.create_connection((host, int(port))) as holder:
            holder.sendall(b"POST /v1/sentiment HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\"a\"\n\r\n")
            assert b"200" in holder.recv(1024), "the stream must have the only place before the page asks for one"
            someone.score("Orders doubled")
            expect(page.locator("#text-status")).to_contain_text("The service is busy. Trying again in")
            someone.score_file("texts.txt", "Orders doubled\nShares plunged 12%\n")
            expect(page.locator("#file-run")).to_contain_text("The service is busy. Row 1 is next.")
        someone.finished()
        page.get_by_role("tab", name="Text").click()
        expect(page.locator(".verdict").first).to_contain_text("Positive", timeout=60_000)


@check
def a_service_that_is_not_ready_is_said_to_be(browser):
    with service() as running, person(browser, running.url) as someone:
        page = someone.page
        expect(page.locator("#about")).to_contain_text("mini")
        refusal = {"status": 503, "content_type": "application/problem+json", "body": json.dumps({"detail": "the models are still loading; try again in a few seconds"})}
        page.route("**/v1/sentiment", lambda route: route.fulfill(**refusal), times=1)
        someone.score("Orders doubled")
        expect(page.locator("#text-status")).to_contain_text("The service is not ready: the models are still loading")
        expect(page.locator(".verdict")).to_contain_text("Positive")
        running.process.kill()
        someone.score("Shares plunged 12%")
        expect(page.locator("#text-status")).to_contain_text("The service does not answer.")


@check
def a_key_is_asked_for_and_kept_in_the_tab_only(browser):
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        keys.write_text("grüner Schlüssel\n")
        with service("--api-key-file", str(keys)) as running, person(browser, running.url) as someone:
            page = someone.page
            dialog = page.get_by_role("dialog")
            expect(dialog).to_be_visible()
            someone.accessible("the dialog for keys")
            page.get_by_label("API key", exact=True).fill("wrong")
            someone.button("Use this key").click()
            expect(dialog).to_contain_text("does not know that key")
            someone.button("Cancel").click()
            expect(page.locator("#service-notice")).to_contain_text("needs an API key")
            someone.button("Enter a key").click()
            page.get_by_label("API key", exact=True).fill("grüner Schlüssel")
            page.keyboard.press("Enter")
            expect(page.locator("#about")).to_contain_text("Financial PhraseBank")
            someone.score("Orders doubled")
            expect(page.locator(".verdict")).to_contain_text("Positive")
            assert page.evaluate("localStorage.length + document.cookie.length") == 0
            page.reload()
            expect(page.locator("#about")).to_contain_text("Financial PhraseBank")
            page.get_by_text("What is on screen, as a command").click()
            command = page.locator("#curl-code").inner_text()
            assert "Bearer KEY" in command and "grün" not in command, command
            keys.write_text("another\n")
            running.process.send_signal(signal.SIGHUP)
            someone.score_file("texts.txt", "Orders doubled\n" * 3)
            expect(dialog).to_contain_text("does not know that key")
            page.get_by_label("API key", exact=True).fill("another")
            page.keyboard.press("Enter")
            someone.finished()


@check
def a_file_that_cannot_be_read_is_refused_with_the_reason(browser):
    with service() as running, person(browser, running.url) as someone:
        problem = someone.page.locator("#file-problem")
        for name, content, words in [
            ("a.csv", 'a,b\n1,"2\n3,4\n', "never closed"), ("a.csv", "", "is empty"), ("a.csv", "a,b\n", "no rows"),
            ("a.jsonl", "{\n[\n", "none of its 2 rows can be read"), ("a.json", '{"a":', "not valid JSON"), ("a.parquet", "PAR1", "finsent classify"), ("a.txt", b"a\0b", "zero bytes"),
        ]:
            someone.open_file(name, content)
            expect(problem).to_contain_text(words)
        someone.accessible("a problem with a file")
        someone.open_file("a.csv", "title,body\none,two\n")
        expect(someone.page.locator("#file-setup")).to_contain_text("Which column has the texts?")
        assert someone.button("Score 1 row").is_disabled()
        someone.page.get_by_label("Texts are in").select_option("body")
        someone.button("Score 1 row").click()
        someone.finished()
        someone.score_file("a.jsonl", '{"text":"Orders doubled"}\n{"text":\n{"id":3}\n')
        expect(someone.page.locator("#file-run")).to_contain_text("1 row scored in 1 second by mini, 2 failed")
        someone.score_file("a.csv", "headline\nÜberschuss stieg\n".encode("latin-1"))
        someone.finished()


@check
def a_file_can_be_dropped_anywhere(browser):
    with service() as running, person(browser, running.url) as someone:
        page = someone.page
        expect(page.locator("#about")).to_contain_text("mini")
        page.evaluate("""() => {
          const data = new DataTransfer();
          data.items.add(new File(["Orders doubled\\nShares plunged 12%"], "texts.txt"));
          for (const type of ["dragover", "drop"]) window.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
        }""")
        someone.button("Score 2 rows").click()
        someone.finished()


@check
def another_model_answers_if_it_is_chosen(browser):
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "tiny"
        shutil.copytree(SMALL_MODEL, model)
        if not (model / "model.safetensors").exists():
            (model / "f32.safetensors").rename(model / "model.safetensors")
        with service("--model", "mini", "--model", str(model)) as running, person(browser, running.url) as someone:
            page = someone.page
            expect(page.get_by_label("Model", exact=True).locator("option")).to_have_text(["mini", "tiny"])
            someone.score("Orders doubled")
            expect(page.locator(".verdict")).to_contain_text("Positive")
            with page.expect_request("**/v1/sentiment") as asked:
                page.get_by_label("Model", exact=True).select_option("tiny")
            assert json.loads(asked.value.post_data)["model"] == "tiny"
            expect(page.locator("#about")).to_contain_text("Measure it on your own texts")
            with page.expect_request(re.compile("sentiment\\?model=tiny$")):
                someone.score_file("texts.txt", "Orders doubled\n")
            someone.finished()


@check
def a_model_of_other_labels_is_shown_as_well(browser):
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "esg"
        shutil.copytree(SMALL_MODEL, model)
        if not (model / "model.safetensors").exists():
            (model / "f32.safetensors").rename(model / "model.safetensors")
        config = json.loads((model / "config.json").read_text())
        config["id2label"] = {"0": "Environmental", "1": "Social", "2": "None"}
        del config["label2id"]
        (model / "config.json").write_text(json.dumps(config))
        with service("--model", str(model)) as running, person(browser, running.url) as someone:
            page = someone.page
            someone.score(ARTICLE)
            expect(page.locator(".sentence .kind").first).to_have_text(re.compile("Environmental|Social|None"))
            assert page.locator(".gauge").count() == 0
            someone.accessible("an article with other labels")
            someone.score_file("news.csv", table([*news(60), ("2026-01-01", "T1", "Profit rose. " * 60)]))
            someone.finished()
            expect(page.locator("#file-summary")).to_contain_text("1 row is longer than the model reads at once")
            expect(page.get_by_label("Show", exact=True)).to_contain_text("share of Environmental")
            assert page.locator("th.sentiment").count() == 0
            someone.accessible("a file with other labels")


@check
def the_command_on_screen_does_the_same(browser):
    text = "It's 5 > 3: \"Orders\" $HOME doubled\\n"
    with service() as running, person(browser, running.url) as someone:
        page = someone.page
        someone.score(text)
        verdict = page.locator(".verdict").inner_text().lower()
        page.get_by_text("What is on screen, as a command").click()
        answer = subprocess.run(["bash", "-c", page.locator("#curl-code").inner_text()], capture_output=True, text=True, check=True)
        assert json.loads(answer.stdout)["results"][0]["label"] in verdict, answer
        someone.button("Copy").click()
        expect(page.locator("#curl-copied")).not_to_be_empty()
        for name, title in [("Docs", "docs/"), ("Metrics", "metrics")]:
            assert page.get_by_role("link", name=name).get_attribute("href") == title


class Prefix(BaseHTTPRequestHandler):
    """A proxy that serves what is at `target` below /tools/finsent/."""

    def do_GET(self):
        if not self.path.startswith("/tools/finsent/"):
            return self.send_error(404)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "accept-encoding", "connection")}
        request = urllib.request.Request(self.server.target + self.path.removeprefix("/tools/finsent"), body, headers, method=self.command)
        with urllib.request.urlopen(request) as answer:
            content = answer.read()
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Security-Policy"):
                if name in answer.headers:
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, *_):
        pass


@check
def the_page_works_behind_a_prefix_and_over_ipv6(browser):
    with service(listen="[::1]:0") as running:
        proxy = ThreadingHTTPServer(("127.0.0.1", 0), Prefix)
        proxy.target = running.url
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        for url in [running.url, f"http://127.0.0.1:{proxy.server_port}/tools/finsent/"]:
            with person(browser, url) as someone:
                someone.score(ARTICLE)
                expect(someone.page.locator(".sentence")).to_have_count(3)
                someone.score_file("news.csv", table(news(24)))
                someone.finished()
                expect(someone.page.locator("#chart canvas")).to_be_visible()
        proxy.shutdown()


@check
def tabs_and_themes_follow_the_keyboard(browser):
    with service() as running, person(browser, running.url) as someone:
        page = someone.page
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.get_by_role("tab", name="Text").focus()
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("tab", name="File")).to_be_focused()
        expect(page.locator("#drop")).to_be_visible()
        back = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")
        light = back()
        someone.button("Theme: system").click()
        someone.button("Theme: light").click()
        expect(someone.button("Theme: dark")).to_be_visible()
        assert back() != light


PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}


@check
def nobody_is_kept_out_in_light_dark_or_on_a_phone(browser):
    pictures = os.environ.get("FINSENT_PAGE_PICTURES")
    with service() as running:
        for look, context in {"light": {"color_scheme": "light"}, "dark": {"color_scheme": "dark"}, "phone": PHONE}.items():
            with person(browser, running.url, **context) as someone:
                page = someone.page
                picture = lambda name: pictures and page.screenshot(path=f"{pictures}/{look}-{name}.png", full_page=True)
                explain(page)
                expect(page.locator("#about")).to_contain_text("mini")
                someone.accessible(f"{look}, empty")
                picture("empty")
                page.get_by_text("A short article").click()
                page.locator(".sentence").nth(1).click()
                someone.button("Which words made it?").click()
                expect(page.locator(".words")).to_be_visible()
                someone.accessible(f"{look}, article")
                picture("article")
                page.get_by_role("tab", name="File").click()
                someone.button("Try an example").click()
                expect(page.get_by_role("button", name="Score 48 rows")).to_be_visible()
                someone.accessible(f"{look}, a file before it is scored")
                picture("before")
                page.get_by_role("button", name="Score 48 rows").click()
                someone.finished()
                expect(page.locator("#chart canvas")).to_be_visible()
                someone.accessible(f"{look}, file")
                picture("file")


def main():
    chosen = [function for function in CHECKS if not sys.argv[2:] or function.__name__ in sys.argv[2:]]
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        expect.set_options(timeout=20_000)
        for function in chosen:
            started = time.monotonic()
            function(browser)
            print(f"{function.__name__.replace('_', ' ')} ({time.monotonic() - started:.1f} s)", flush=True)
        browser.close()


main()
