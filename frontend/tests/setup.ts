// The texts a page would bring.
import { setWords } from '../src/words'
import english from '../src/words/en.json'

setWords(english)
