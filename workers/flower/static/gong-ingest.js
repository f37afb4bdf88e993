/* Keeps a page of gong-ingest as it is now, and does what its buttons say. No library but Flower's own jQuery. */
(function () {
    "use strict";

    var INTERVAL_MS = 2000, ANSWER_WITHIN_MS = 15000;
    var LIVE = {"X-Gong-Ingest-Live": "1"};
    var live = document.querySelector("[data-live]");
    var problem = document.getElementById("problem");
    var dot = document.getElementById("refresh-dot"), text = document.getElementById("refresh-text");
    var timer, underWay = null;

    // --- times, in the reader's own zone ---

    var CLOCK = {hour: "2-digit", minute: "2-digit"};
    var DAY = {weekday: "short", day: "numeric", month: "short"};

    function shown(time, now) {
        var form = time.dataset.form, then = new Date(time.dateTime), options = Object.assign({}, CLOCK);
        if (form === "exact") { options.second = "2-digit"; }
        if (then.toDateString() !== now.toDateString()) { Object.assign(options, DAY); }
        if (then.getFullYear() !== now.getFullYear()) { options.year = "numeric"; }
        return then.toLocaleString(undefined, options);
    }

    function localise(root) {
        var now = new Date();
        root.querySelectorAll("time[data-form]").forEach(function (time) {
            time.textContent = shown(time, now);
            time.title = new Date(time.dateTime).toLocaleString(undefined, {dateStyle: "full", timeStyle: "long"});
        });
    }

    // --- what is different is changed, all else stays: focus, selection, and bars that move ---

    function keyOf(node) {
        return node.nodeType === 1 ? node.id || node.dataset.key || null : null;
    }

    function alike(one, other) {
        return one.nodeType === other.nodeType && one.nodeName === other.nodeName && keyOf(one) === keyOf(other);
    }

    function changeAttributes(node, wanted) {
        Array.from(node.attributes).forEach(function (each) {
            if (!wanted.hasAttribute(each.name)) { node.removeAttribute(each.name); }
        });
        Array.from(wanted.attributes).forEach(function (each) {
            if (node.getAttribute(each.name) !== each.value) { node.setAttribute(each.name, each.value); }
        });
    }

    function change(node, wanted) {
        if (node.nodeType !== 1) {
            if (node.nodeValue !== wanted.nodeValue) { node.nodeValue = wanted.nodeValue; }
            return;
        }
        changeAttributes(node, wanted);
        changeChildren(node, wanted);
    }

    function changeChildren(parent, wanted) {
        var keyed = {}, next = parent.firstChild;
        Array.from(parent.childNodes).forEach(function (child) {
            var key = keyOf(child);
            if (key) { keyed[key] = child; }
        });
        Array.from(wanted.childNodes).forEach(function (child) {
            var key = keyOf(child), found = key ? keyed[key] : null;
            if (!found && next && alike(next, child)) { found = next; }
            if (!found || !alike(found, child)) {
                parent.insertBefore(child, next);
                return;
            }
            if (found === next) { next = next.nextSibling; } else { parent.insertBefore(found, next); }
            change(found, child);
        });
        while (next) {
            var after = next.nextSibling;
            next.remove();
            next = after;
        }
    }

    // --- looking anew ---

    function told(sentence, isLive) {
        if (problem.textContent !== sentence) { problem.textContent = sentence; }
        problem.hidden = !sentence;
        live.classList.toggle("is-old", !isLive);
        dot.className = "status-dot " + (isLive ? "status-dot-live" : "status-dot-error");
        text.textContent = isLive ? new Date().toLocaleTimeString() : "Not connected";
    }

    function take(html) {
        var fresh = document.createElement("template");
        fresh.innerHTML = html;
        localise(fresh.content);
        changeChildren(live, fresh.content);
        told("", true);
    }

    function look() {
        clearTimeout(timer);
        if (underWay) { underWay.abort(); }
        var asking = underWay = new AbortController();
        var late = setTimeout(function () { asking.abort(); }, ANSWER_WITHIN_MS);
        var address = location.href.split("#")[0];
        fetch(address, {headers: LIVE, credentials: "same-origin", redirect: "manual", signal: asking.signal}).then(function (answer) {
            // Whoever is not logged in any more is sent there by Flower.
            if (answer.type === "opaqueredirect" || answer.status === 401) { location.reload(); return null; }
            return answer.text().then(function (body) {
                if (asking !== underWay) { return; }
                if (answer.ok) { take(body); } else { told(body || "Flower answers " + answer.status + ".", false); }
            });
        }).catch(function () {
            if (asking === underWay) { told("Flower does not answer.", false); }
        }).finally(function () {
            clearTimeout(late);
            if (asking === underWay) { wait(); }
        });
    }

    function wait() {
        underWay = null;
        clearTimeout(timer);
        // Who does not look asks nothing.
        if (!document.hidden) { timer = setTimeout(look, INTERVAL_MS); }
    }

    // --- doing ---

    function toast(sentence, isError) {
        var element = document.createElement("div"), body = document.createElement("div");
        element.className = "toast text-bg-" + (isError ? "danger" : "success") + " border-0";
        element.setAttribute("role", isError ? "alert" : "status");
        body.className = "toast-body";
        body.textContent = sentence;
        element.append(body);
        document.getElementById("toast-container").append(element);
        element.addEventListener("hidden.bs.toast", function () { element.remove(); });
        bootstrap.Toast.getOrCreateInstance(element, {delay: isError ? 10000 : 5000}).show();
    }

    function send(form, button, sure) {
        var fields = new URLSearchParams(new FormData(form));
        fields.set(button.name, button.value);
        if (sure) { fields.set("sure", "yes"); }
        button.setAttribute("aria-busy", "true");
        // By the attribute: its buttons are called `action` as well, and hide the property. Flower's own way: its jQuery adds the token against requests from other sites.
        window.jQuery.ajax({type: "POST", url: form.getAttribute("action"), data: fields.toString(), headers: LIVE}).done(function (answer) {
            toast(answer.said, false);
        }).fail(function (request) {
            toast(request.responseText || "Flower does not answer.", true);
        }).always(function () {
            button.removeAttribute("aria-busy");
            if (live) { look(); }
        });
    }

    function ask(question, yes, then) {
        var dialog = document.getElementById("ask");
        document.getElementById("ask-question").textContent = question;
        document.getElementById("ask-yes").textContent = yes;
        dialog.returnValue = "";
        dialog.onclose = function () { if (dialog.returnValue === "yes") { then(); } };
        dialog.showModal();
    }

    document.addEventListener("submit", function (event) {
        var form = event.target, button = event.submitter;
        if (!form.matches("[data-act]") || !button) { return; }
        event.preventDefault();
        if (button.dataset.ask) {
            ask(button.dataset.ask, button.dataset.yes, function () { send(form, button, true); });
        } else {
            send(form, button, false);
        }
    });

    localise(document);
    if (live) {
        document.getElementById("refresh-status").hidden = false;
        told(problem.textContent, problem.hidden);
        document.addEventListener("visibilitychange", function () { if (!document.hidden) { look(); } });
        wait();
    }
}());
