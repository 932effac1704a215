// Anomalies and model cards: the slider shows what the chosen setting would have meant, and nothing else.
import './design/anomalies.css'

export function follow(slider: HTMLInputElement): void {
  const listed = [...document.querySelectorAll<HTMLElement>('[data-step]')]
  const show = () => {
    for (const one of listed) {
      const mine = one.dataset.step === slider.value
      one.hidden = !mine
      if (mine) slider.setAttribute('aria-valuetext', one.textContent?.replace(/\s+/g, ' ').trim() ?? '')
    }
  }
  slider.addEventListener('input', show)
  show()
}
const slider = document.querySelector<HTMLInputElement>('[data-slider]')
if (slider) follow(slider)
