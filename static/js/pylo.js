// Copy buttons, menus, tabs, and forms that are sent once; the pages are whole without any of it.
"use strict";

// [data-copy="#id"] copies the text of that element, or the value when it is an input.
function copyText(target) {
  if ("value" in target) return target.value;
  const clone = target.cloneNode(true);
  clone.querySelectorAll("button").forEach((button) => button.remove());
  return clone.textContent.trim();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  const target = button && document.querySelector(button.dataset.copy);
  if (!target) return;
  const label = button.dataset.label || (button.dataset.label = button.textContent);
  try {
    await navigator.clipboard.writeText(copyText(target));
    button.textContent = "Copied";
  } catch {
    // No clipboard over plain http: select it, so that one key copies.
    getSelection().selectAllChildren(target);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = label), 1600);
});

// A menu closes on Escape and on a click beside it.
function closeMenus(except) {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu !== except) menu.open = false;
  });
}
document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("focusin", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.target.closest?.("details.menu[open]")?.querySelector("summary").focus();
  closeMenus(null);
});

// A form is sent once: the second click of a double click would lose the answer to the first, such as a new key's secret.
const submits = (form) => form.querySelectorAll("button:not([type=button])");
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent !== undefined) event.preventDefault();
  form.dataset.sent = "";
  // After the browser has read the form: a disabled button's own value would not be sent.
  setTimeout(() => submits(form).forEach((button) => (button.disabled = true)));
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  document.querySelectorAll("form[data-sent]").forEach((form) => {
    delete form.dataset.sent;
    submits(form).forEach((button) => (button.disabled = false));
  });
});

// [data-tabs] > [role=tablist] > [role=tab] …, followed by as many [role=tabpanel].
document.querySelectorAll("[data-tabs]").forEach((root, number) => {
  const tabs = [...root.querySelectorAll(":scope > [role=tablist] > [role=tab]")];
  const panels = [...root.querySelectorAll(":scope > [role=tabpanel]")];
  const select = (chosen) => {
    tabs.forEach((tab, at) => {
      tab.setAttribute("aria-selected", String(at === chosen));
      tab.tabIndex = at === chosen ? 0 : -1;
      panels[at].hidden = at !== chosen;
    });
  };
  tabs.forEach((tab, at) => {
    tab.id ||= `tab-${number}-${at}`;
    panels[at].id ||= `panel-${number}-${at}`;
    tab.setAttribute("aria-controls", panels[at].id);
    panels[at].setAttribute("aria-labelledby", tab.id);
    tab.addEventListener("click", () => select(at));
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = (to + tabs.length) % tabs.length;
      select(next);
      tabs[next].focus();
    });
  });
  select(0);
  root.dataset.ready = "";
});
