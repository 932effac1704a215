// Django's field that completes what is typed names itself by its own content; people who hear pages need its label.
{
  const name = () => {
    for (const select of document.querySelectorAll("select.admin-autocomplete")) {
      const label = document.querySelector(`label[for="${select.id}"]`)
      const shown = select.parentElement.querySelector(".select2-selection[aria-labelledby]")
      if (!label || !shown) continue
      const text = label.textContent.trim().replace(/:$/, "")
      shown.removeAttribute("aria-labelledby")
      for (const part of [shown, ...shown.querySelectorAll("[role=textbox]")]) part.setAttribute("aria-label", text)
    }
  }
  new MutationObserver(name).observe(document.body, { childList: true, subtree: true })
  name()
}
