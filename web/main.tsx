import './styles/tokens.css'
import './styles/base.css'
import './styles/tasks.css'
import { render } from 'preact'
import { App } from './app/app.tsx'
import { applyAppearance } from './app/appearance.ts'
import { begin, start } from './app/start.ts'
import { state } from './model/store.ts'
import { loadTexts } from './texts/texts.ts'

applyAppearance()
await Promise.all([loadTexts(localStorage.getItem('duly-language') ?? ''), begin()])
// The tasks are read while the page is rendered.
if (state.user) void start(state.user)
const place = document.getElementById('app')
if (place) render(<App />, place)
