import './design/checks.css'
