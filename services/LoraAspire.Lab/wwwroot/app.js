// What the server cannot do: keep a choice in the browser, and keep a log scrolled to its end while the reader is there.
window.lora = {
  keepCookie(name, value) {
    document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=strict`;
  },
  keepTheme(name) {
    this.keepCookie("theme", name);
    document.documentElement.dataset.theme = name;
  },
  followEnd(element) {
    if (!element) return;
    const atEnd = () => element.scrollHeight - element.scrollTop - element.clientHeight < 48;
    const top = () => element.querySelector(".line")?.textContent;
    let stick = true, asked = false, first = top(), below = 0;
    element.addEventListener("scroll", () => {
      stick = atEnd();
      below = element.scrollHeight - element.scrollTop;
      const older = element.querySelector("[data-older]");
      if (stick || asked || !older || element.scrollTop > 40) return;
      asked = true;
      older.click();
    });
    new MutationObserver(() => {
      if (stick) element.scrollTop = element.scrollHeight;
      else if (top() !== first) element.scrollTop = element.scrollHeight - below; // older lines came: what was read stays in view
      [first, asked] = [top(), false];
    }).observe(element, { childList: true, subtree: true, characterData: true });
    element.scrollTop = element.scrollHeight;
  },
};

// A clipboard opens to a click. Where there is none (a page that is not of this machine, by clear text), the text is marked and copied by hand.
document.addEventListener("click", async event => {
  const button = event.target.closest("[data-copy], [data-copy-code]");
  if (!button) return;
  const text = button.dataset.copy ?? button.closest(".code-block").querySelector("code").textContent;
  const done = button.querySelector(".after");
  try {
    await navigator.clipboard.writeText(text);
    done.textContent = button.dataset.done;
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    done.textContent = document.execCommand("copy") ? button.dataset.done : button.dataset.failed;
    field.remove();
    button.focus();
  }
  button.classList.add("done");
  setTimeout(() => { button.classList.remove("done"); done.textContent = ""; }, 1500);
});
