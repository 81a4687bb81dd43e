# Tests bootstrap.ps1 in the PowerShell that runs this, without a network: the cases of tests/it/packaging/bootstrap.rs.
$ErrorActionPreference = 'Stop'
$here = Split-Path -Parent $PSScriptRoot
$shell = (Get-Process -Id $PID).Path
$target = 'x86_64-pc-windows-msvc'
$right = Join-Path $env:SystemRoot 'System32\whoami.exe'
$wrong = Join-Path $env:SystemRoot 'System32\where.exe'
$sum = (Get-FileHash -LiteralPath $right -Algorithm SHA256).Hash.ToLowerInvariant()
$names = 'FARGATE_STACK_BINARY', 'FARGATE_STACK_MIRROR', 'FARGATE_STACK_VERIFY_ATTESTATION', 'FARGATE_STACK_ACTION_REPOSITORY'
$script:failed = 0

# A runner in a folder of its own, whose mirror holds the asset that the table names.
function New-Runner {
    $folder = Join-Path ([IO.Path]::GetTempPath()) ('fsa ' + [IO.Path]::GetRandomFileName())
    foreach ($name in 'action', 'cache of tools', 'temp of job', 'mirror\v1.2.3') {
        New-Item -ItemType Directory -Force -Path (Join-Path $folder $name) | Out-Null
    }
    Copy-Item (Join-Path $here 'bootstrap.ps1') (Join-Path $folder 'action')
    Copy-Item $right (Join-Path $folder "mirror\v1.2.3\fargate-stack-$target.exe")
    Set-Content -LiteralPath (Join-Path $folder 'action\versions.txt') -Value "# A comment.`n`n1.2.3 $target $sum"
    Set-Content -LiteralPath (Join-Path $folder 'step.ps1') -Value ". (Join-Path `$env:GITHUB_ACTION_PATH 'bootstrap.ps1')`nWrite-Output ""would run `$FSA_BIN"""
    foreach ($name in $names) { Set-Item "env:$name" $null }
    $env:FARGATE_STACK_VERIFY_ATTESTATION = 'off'
    $env:GITHUB_ACTION_PATH = Join-Path $folder 'action'
    $env:RUNNER_TOOL_CACHE = Join-Path $folder 'cache of tools'
    $env:RUNNER_TEMP = Join-Path $folder 'temp of job'
    $env:GITHUB_OUTPUT = Join-Path $folder 'output'
    $env:FARGATE_STACK_MIRROR = Join-Path $folder 'mirror'
    return $folder
}

# Runs the step: its exit code must be this, and its output must have this.
function Test-Step([string] $Case, [string] $Folder, [int] $Code, [string] $Has) {
    $ErrorActionPreference = 'Continue' # standard error is no error
    $said = (& $shell -NoProfile -NonInteractive -File (Join-Path $Folder 'step.ps1') 2>&1 | Out-String)
    $ok = $LASTEXITCODE -eq $Code -and $said.Contains($Has) -and ($Code -eq 0) -eq $said.Contains('would run')
    if (-not $ok) { $script:failed++ }
    Write-Output ("{0} {1}" -f $(if ($ok) { 'ok    ' } else { 'FAILED' }), $Case)
    if (-not $ok) { Write-Output "exit code $LASTEXITCODE, wanted $Code and ``$Has``:`n$said" }
}

$f = New-Runner
$kept = Join-Path $f "cache of tools\fargate-stack\1.2.3\$target\fargate-stack.exe"
Test-Step 'fresh' $f 0 'downloaded'
Copy-Item $wrong $kept -Force
Test-Step 'poisoned cache, downloaded again' $f 0 'downloaded'
Remove-Item -Recurse (Join-Path $f 'mirror')
Test-Step 'cached' $f 0 '1.2.3 from'
Copy-Item $wrong $kept -Force
Test-Step 'poisoned cache, no mirror' $f 1 'cannot download'

$f = New-Runner
Copy-Item $wrong (Join-Path $f "mirror\v1.2.3\fargate-stack-$target.exe") -Force
Test-Step 'other bytes' $f 1 "Wanted sha256 $sum"
$f = New-Runner
$bytes = [IO.File]::ReadAllBytes($right)
[IO.File]::WriteAllBytes((Join-Path $f "mirror\v1.2.3\fargate-stack-$target.exe"), $bytes[0..($bytes.Length - 2)])
Test-Step 'truncated' $f 1 'is not what this commit names'
$f = New-Runner
Set-Content (Join-Path $f 'action\versions.txt') '# none'
Test-Step 'no release' $f 1 'names no binary'
Set-Content (Join-Path $f 'action\versions.txt') "1.2.3 aarch64-apple-darwin $sum"
Test-Step 'no pin' $f 1 'has no binary for'
Set-Content (Join-Path $f 'action\versions.txt') "1.2.3 $target $sum`n1.2.4 other $sum"
Test-Step 'two versions' $f 1 'two versions'
$f = New-Runner
Remove-Item -Recurse $env:RUNNER_TOOL_CACHE
Set-Content $env:RUNNER_TOOL_CACHE 'a file'
Test-Step 'no tool cache' $f 0 'temp of job'
$f = New-Runner
$env:FARGATE_STACK_MIRROR = 'http://mirror.example.com'
Test-Step 'http' $f 1 'neither https://'
$env:FARGATE_STACK_MIRROR = ([Uri] (Join-Path $f 'mirror')).AbsoluteUri
Test-Step 'file address' $f 0 'downloaded'
$f = New-Runner
$env:FARGATE_STACK_MIRROR = $null
$env:FARGATE_STACK_ACTION_REPOSITORY = 'org'
Test-Step 'unknown repository' $f 1 'is not known'
$f = New-Runner
$env:FARGATE_STACK_BINARY = $right
Test-Step 'own binary' $f 0 'not checked'
$env:FARGATE_STACK_BINARY = 'whoami.exe'
Test-Step 'own binary on the PATH' $f 0 'not checked'
$env:FARGATE_STACK_BINARY = Join-Path $f 'none.exe'
Test-Step 'own binary missing' $f 1 'is not there'
$f = New-Runner
$env:FARGATE_STACK_VERIFY_ATTESTATION = 'maybe'
Test-Step 'wrong word' $f 1 'write auto, require or off'
$f = New-Runner
$env:FARGATE_STACK_VERIFY_ATTESTATION = 'require'
$env:PATH = Join-Path $env:SystemRoot 'System32'
Test-Step 'attestation required without gh' $f 1 'no gh on this runner'
exit $script:failed
