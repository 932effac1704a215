# Installs the Watchkeeper agent on this Windows machine and enrols it; running it again is harmless.
#   install.ps1 -Url https://hub:8000 [-Ca ca.pem] [-Name NAME] [-Insecure]    the token comes as WATCHKEEPER_TOKEN
#   install.ps1 -Uninstall
# Needs Python 3.9 or later, installed for all users, and an administrator's PowerShell (5.1 or later).
# The agent runs as a scheduled task under LOCAL SERVICE, which is no administrator.
# Written by the book and parsed in tests; it has not been run on Windows yet.
param(
    [string]$Url = '',
    [string]$Ca = '',
    [string]$Name = '',
    [switch]$Insecure,
    [switch]$Uninstall
)
$ErrorActionPreference = 'Stop'
Set-StrictMode -Version 2
$Task = 'Watchkeeper agent'
$Code = Join-Path $env:ProgramFiles 'Watchkeeper agent'
$State = Join-Path $env:ProgramData 'Watchkeeper agent'
$Config = Join-Path $State 'agent.json'

function Stop-WithReason([string]$Reason) {
    [Console]::Error.WriteLine("Watchkeeper agent: $Reason")
    exit 1
}

function Test-Administrator {
    $me = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
    return $me.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

# A Python of one user alone cannot be run by the task's user.
function Find-Python {
    $candidates = @()
    if (Get-Command py -ErrorAction SilentlyContinue) { $candidates += , @('py', '-3') }
    foreach ($one in 'python', 'python3') {
        if (Get-Command $one -ErrorAction SilentlyContinue) { $candidates += , @($one) }
    }
    foreach ($words in $candidates) {
        $rest = @($words | Select-Object -Skip 1)
        try {
            $found = & $words[0] @rest -I -c 'import sys; print(sys.executable if sys.version_info >= (3, 9) else 0)' 2>$null
        } catch { continue }
        if ($LASTEXITCODE -eq 0 -and $found -and $found -ne '0' -and $found -notlike "$env:USERPROFILE*") { return $found }
    }
    Stop-WithReason 'Python 3.9 or later, installed for all users, is needed and was not found. Install it (winget install Python.Python.3.13 --scope machine) and paste the line again.'
}

# Arguments, not text of the program: nothing from outside is ever executed. No double quotes: PowerShell 5 eats them.
$Fetch = @'
import hashlib, io, os, platform, ssl, sys, tarfile, urllib.error, urllib.request
url, code, ca = sys.argv[1], sys.argv[2], sys.argv[3]
handlers = [urllib.request.ProxyHandler({})]
if url.startswith('https:'):
    handlers.append(urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=None if ca == '-' else ca)))
opener = urllib.request.build_opener(*handlers)
asked = '?platform=win32-' + platform.machine() + '-none'
try:
    digest = opener.open(url + '/agent/bundle.sha256' + asked, timeout=90).read().decode().strip()
    content = opener.open(url + '/agent/bundle.tar.gz' + asked, timeout=90).read()
except urllib.error.HTTPError as error:
    sys.exit('Watchkeeper agent: ' + error.read(4096).decode('utf-8', 'replace').strip())
except (OSError, ValueError) as error:
    sys.exit('Watchkeeper agent: ' + url + ' cannot be asked (' + str(error) + '). Is the hub running?')
if hashlib.sha256(content).hexdigest() != digest:
    sys.exit('Watchkeeper agent: the bundle changed while it was fetched. Paste the line again.')
with tarfile.open(fileobj=io.BytesIO(content)) as archive:
    for entry in archive:
        parts = entry.name.split('/')
        if not entry.isfile() or '..' in parts or ':' in entry.name or entry.name.startswith(('/', '\\')):
            sys.exit('Watchkeeper agent: the bundle holds a strange name.')
        path = os.path.join(code, *parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as file:
            file.write(archive.extractfile(entry).read())
'@

function Remove-Agent {
    $found = (Test-Path -LiteralPath $Code) -or (Test-Path -LiteralPath $State)
    Stop-Agent
    Unregister-ScheduledTask -TaskName $Task -Confirm:$false -ErrorAction SilentlyContinue
    foreach ($folder in $Code, $State) {
        if (Test-Path -LiteralPath $folder) { Remove-Item -LiteralPath $folder -Recurse -Force }
    }
    if (-not $found) {
        Write-Output "There is no agent in $State, so nothing was removed."
        return
    }
    Write-Output 'The agent is removed from this machine. Remove the server in Watchkeeper as well if it is gone for good.'
}

function Stop-Agent {
    if (Get-ScheduledTask -TaskName $Task -ErrorAction SilentlyContinue) {
        Stop-ScheduledTask -TaskName $Task -ErrorAction SilentlyContinue
        for ($n = 0; $n -lt 20 -and (Get-ScheduledTask -TaskName $Task).State -eq 'Running'; $n++) { Start-Sleep -Milliseconds 250 }
    }
}

# Only administrators change the program; only they and the task's user see the key.
function Protect-Folders {
    New-Item -ItemType Directory -Force -Path $Code, $State | Out-Null
    & icacls $State /inheritance:r /grant '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-18:(OI)(CI)F' '*S-1-5-19:(OI)(CI)M' /Q | Out-Null
    if ($LASTEXITCODE -ne 0) { Stop-WithReason "$State could not be protected." }
}

function Register-Agent([string]$Python) {
    $windowless = Join-Path (Split-Path $Python) 'pythonw.exe'
    if (-not (Test-Path -LiteralPath $windowless)) { $windowless = $Python }
    $action = New-ScheduledTaskAction -Execute $windowless -Argument "-I `"$Code`" run --config `"$Config`"" -WorkingDirectory $State
    $trigger = New-ScheduledTaskTrigger -AtStartup
    $user = New-ScheduledTaskPrincipal -UserId 'NT AUTHORITY\LocalService' -LogonType ServiceAccount -RunLevel Limited
    $settings = New-ScheduledTaskSettingsSet -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) -ExecutionTimeLimit ([TimeSpan]::Zero) -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -MultipleInstances IgnoreNew
    Register-ScheduledTask -TaskName $Task -Action $action -Trigger $trigger -Principal $user -Settings $settings -Force | Out-Null
    Start-ScheduledTask -TaskName $Task
    Start-Sleep -Seconds 3
    if ((Get-ScheduledTask -TaskName $Task).State -ne 'Running') { Stop-WithReason "the task did not stay running. See $State\agent.log, and its history in the Task Scheduler." }
    Write-Output "The agent runs as the scheduled task '$Task' and starts with this machine."
}

function Install-Agent {
    if (-not $Url -or -not $env:WATCHKEEPER_TOKEN) { Stop-WithReason 'the address and the token are needed. Copy the whole line from Add server.' }
    $Url = $Url.TrimEnd('/')
    $python = Find-Python
    Stop-Agent
    Protect-Folders
    $trusted = '-'
    if ($Ca) {
        $trusted = Join-Path $State 'ca.pem'
        if ((Resolve-Path -LiteralPath $Ca).Path -ne $trusted) { Copy-Item -LiteralPath $Ca -Destination $trusted -Force }
    }
    $Fetch | & $python -I - $Url $Code $trusted
    if ($LASTEXITCODE -ne 0) { exit 1 }
    $words = @('enrol', '--url', $Url, '--config', $Config)
    if ($Ca) { $words += @('--ca', $trusted) }
    if ($Name) { $words += @('--name', $Name) }
    if ($Insecure) { $words += '--insecure' }
    & $python -I $Code @words
    if ($LASTEXITCODE -ne 0) {
        # A used or old token is no harm on a machine that is known already.
        if (-not (Test-Path -LiteralPath $Config) -or (Get-Content -Raw -LiteralPath $Config | ConvertFrom-Json).url -ne $Url) { exit 1 }
        Write-Output 'This machine keeps the enrolment it has.'
    }
    Remove-Item Env:WATCHKEEPER_TOKEN -ErrorAction SilentlyContinue
    Register-Agent $python
}

if (-not (Test-Administrator)) { Stop-WithReason 'an administrator is needed. Open PowerShell with "Run as administrator" and paste the line again.' }
if ($Uninstall) { Remove-Agent } else { Install-Agent }
