#!/usr/bin/env node
import '../dist/lib/main.js';
