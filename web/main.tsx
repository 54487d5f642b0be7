import './styles/tokens.css'
import './styles/base.css'
import './styles/tasks.css'
import { render } from 'preact'
import { App } from './app/app.tsx'
import { applyAppearance } from './app/appearance.ts'
import { begin } from './app/start.ts'
import { keepFocus } from './parts/focus.ts'
import { loadTexts } from './texts/texts.ts'

applyAppearance()
// No top-level await: other chunks import this one, and would wait for it.
void Promise.all([loadTexts(localStorage.getItem('duly-language') ?? ''), begin()]).then(() => {
  const place = document.getElementById('app')
  if (place) render(<App />, place)
  keepFocus()
})
