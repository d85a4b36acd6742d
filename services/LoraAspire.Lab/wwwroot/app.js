// What the server cannot do: keep a choice in the browser, and keep a log scrolled to its end while the reader is there.
window.lora = {
  keepTheme(name) {
    document.cookie = `theme=${name}; path=/; max-age=31536000; samesite=strict`;
    document.documentElement.dataset.theme = name;
  },
  followEnd(element) {
    if (!element) return;
    const atEnd = () => element.scrollHeight - element.scrollTop - element.clientHeight < 48;
    let stick = true;
    element.addEventListener("scroll", () => { stick = atEnd(); });
    new MutationObserver(() => { if (stick) element.scrollTop = element.scrollHeight; }).observe(element, { childList: true, subtree: true });
    element.scrollTop = element.scrollHeight;
  },
};
