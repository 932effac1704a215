// Buttons that print the page or copy what stands beside them: few pages have one.
const all = <E extends HTMLElement>(selector: string) => document.querySelectorAll<E>(selector)

for (const button of all('[data-print]')) button.addEventListener('click', () => print())
for (const button of all<HTMLButtonElement>('[data-copy]')) {
  const before = button.textContent ?? ''
  button.addEventListener('click', async () => {
    const source = document.getElementById(button.dataset.copy ?? '')
    if (!source) return
    const done = await copy(source)
    button.textContent = (done ? button.dataset.done : button.dataset.failed) ?? before
    setTimeout(() => {
      button.textContent = before
    }, 2500)
  })
}

async function copy(source: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(source.textContent?.trim() ?? '')
    return true
  } catch {
    // plain http beyond loopback has no clipboard: mark the text, so that the keys copy it
    getSelection()?.selectAllChildren(source)
    return false
  }
}

export {}
