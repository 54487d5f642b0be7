import './styles/tokens.css'
import './styles/base.css'
import './styles/tasks.css'
import { render } from 'preact'
import { App } from './app/app.tsx'
import { applyAppearance } from './app/appearance.ts'
import { begin } from './app/start.ts'
import { loadTexts } from './texts/texts.ts'

applyAppearance()
// Until the tasks on this device are read, the page shows its frame.
await Promise.all([loadTexts(localStorage.getItem('duly-language') ?? ''), begin()])
const place = document.getElementById('app')
if (place) render(<App />, place)
