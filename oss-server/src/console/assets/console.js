// Comforts of the console. Every page works without them.
(() => {
  const stored = "oss-refresh";

  // Times in the time zone and the language of the browser's user.
  const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "short", timeStyle: "medium" });
  const showTimes = (root) => {
    for (const time of root.querySelectorAll("time[datetime]")) {
      time.title = `${time.textContent} UTC`;
      time.textContent = format.format(new Date(time.dateTime));
    }
  };

  // The key / leads to the search box.
  document.addEventListener("keydown", (event) => {
    const search = document.getElementById("search");
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "/" && search && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
    }
  });

  const prepare = (root) => {
    showTimes(root);
    for (const button of root.querySelectorAll("[data-copy]")) {
      button.hidden = !navigator.clipboard;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
        button.textContent = button.dataset.copied;
      });
    }
    const all = root.querySelector("#all");
    all?.addEventListener("change", () => {
      for (const box of root.querySelectorAll("input[name=msisdn]")) box.checked = all.checked;
    });
  };

  // The page loads itself again, without losing its place. It waits while somebody works in it.
  let timer;
  const load = async (content) => {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.redirected) location.reload();
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const open = [...content.querySelectorAll("details")].map((details) => details.open);
    content.replaceChildren(...page.getElementById("content").childNodes);
    content.querySelectorAll("details").forEach((details, at) => { details.open = open[at]; });
    prepare(content);
  };
  const refresh = async () => {
    const content = document.getElementById("content");
    const focused = document.activeElement;
    const isBox = focused.id === "refresh";
    // A click leaves the focus where it was made; only somebody who types or goes by keyboard would lose the place.
    const works = content.contains(focused) && focused.matches("input, select, textarea, :focus-visible");
    if ((isBox || !works) && !document.hidden) await load(content).catch(() => {});
    prepareRefresh();
    if (isBox) document.getElementById("refresh")?.focus();
  };
  const prepareRefresh = () => {
    const box = document.getElementById("refresh");
    if (!box) return;
    box.checked = sessionStorage.getItem(stored) === "on";
    const set = () => {
      clearTimeout(timer);
      sessionStorage.setItem(stored, box.checked ? "on" : "off");
      if (box.checked) timer = setTimeout(refresh, Number(box.dataset.seconds) * 1000);
    };
    box.onchange = set;
    set();
  };

  document.documentElement.classList.add("script");
  const zone = document.getElementById("time-zone");
  if (zone) zone.textContent = zone.dataset.local;
  prepare(document);
  prepareRefresh();
})();
