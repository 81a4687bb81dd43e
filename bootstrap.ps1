# Dot-sourced by action.yml on Windows: does what bootstrap.sh does elsewhere, and sets $FSA_BIN. For PowerShell 7 and
# Windows PowerShell 5.1. The checksum is what protects: not TLS, not the cache.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue' # the bar makes downloads of 5.1 many times slower

# Says why on one line, so that no part of the text can become a workflow command of its own.
function Stop-Fsa([string] $Why) {
    $line = $Why -replace '[\r\n]', ' ' -replace '%', '%25'
    [Console]::Out.WriteLine('::error title=fargate-stack::' + $line)
    exit 1
}

# The sha256 of a file; nothing when there is none.
function Get-FsaSum([string] $Path) {
    if (-not (Test-Path -LiteralPath $Path -PathType Leaf)) { return '' }
    return (Get-FileHash -LiteralPath $Path -Algorithm SHA256).Hash.ToLowerInvariant()
}

# Fetches from a URL or folder of releases; whether that worked.
function Get-FsaAsset([string] $From, [string] $Below, [string] $To) {
    if ($From -match '^[A-Za-z][A-Za-z0-9+.-]+://' -and $From -notmatch '^(https|file)://') {
        Stop-Fsa "the input 'mirror' is neither https:// nor file:// nor a folder"
    }
    try {
        if ($From -match '^https://') {
            [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
            for ($try = 1; ; $try++) {
                try {
                    Invoke-WebRequest -UseBasicParsing -Uri "$From/$Below" -OutFile $To -TimeoutSec 300
                    return $true
                } catch {
                    if ($try -ge 4) { throw }
                    Start-Sleep -Seconds $try
                }
            }
        }
        $folder = $From
        if ($From -match '^file://') { $folder = ([Uri] $From).LocalPath }
        Copy-Item -LiteralPath (Join-Path $folder $Below) -Destination $To
        return $true
    } catch {
        [Console]::Error.WriteLine($_.Exception.Message -replace '::', ': :' -replace '##\[', '## [')
        return $false
    }
}

# Asks for the build provenance of a file.
function Confirm-FsaProvenance([string] $Path, [string] $Repository, [string] $Asset, [bool] $New) {
    # Windows PowerShell takes what a program writes to standard error for an error of its own.
    $ErrorActionPreference = 'Continue'
    $mode = $env:FARGATE_STACK_VERIFY_ATTESTATION
    if (-not $mode) { $mode = 'auto' }
    if ($mode -eq 'off') { return }
    if ($mode -ne 'auto' -and $mode -ne 'require') { Stop-Fsa "verify-attestation is ``$mode``: write auto, require or off" }
    $gh = Get-Command gh -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
    if (-not $gh -and $mode -eq 'require') { Stop-Fsa 'verify-attestation is `require`, and there is no gh on this runner' }
    if (-not $gh -or ($mode -eq 'auto' -and (-not $New -or -not $Repository))) { return }
    $before = @($env:GH_HOST, $env:GH_TOKEN)
    $env:GH_HOST = 'github.com'
    $env:GH_TOKEN = $env:GITHUB_TOKEN
    try {
        if ($mode -eq 'auto') {
            & $gh.Source api --silent rate_limit *> $null
            if ($LASTEXITCODE -ne 0) { return }
        }
        & $gh.Source attestation verify $Path --repo $Repository --signer-workflow "$Repository/.github/workflows/release-build.yml" --deny-self-hosted-runners
        if ($LASTEXITCODE -ne 0) { Stop-Fsa "the build provenance of $Asset is not confirmed (verify-attestation: $mode)" }
    } finally {
        $env:GH_HOST = $before[0]
        $env:GH_TOKEN = $before[1]
    }
}

# The binary of the input `binary`: a path, or a name on the PATH.
function Get-FsaOwn([string] $Name) {
    if ($Name -match '^-|[\r\n]') { Stop-Fsa "the input 'binary' is no path: ``$Name``" }
    $found = $Name
    if ($Name -notmatch '[\\/]') {
        $command = Get-Command $Name -CommandType Application -ErrorAction SilentlyContinue | Select-Object -First 1
        if ($command) { $found = $command.Source }
    }
    if (-not (Test-Path -LiteralPath $found -PathType Leaf)) { Stop-Fsa "the input 'binary' names ``$found``, which is not there" }
    $found = (Resolve-Path -LiteralPath $found).ProviderPath
    [Console]::Error.WriteLine("fargate-stack: $found, as the input 'binary' says; not checked")
    return $found
}

# The binary of versions.txt.
function Get-FsaPinned {
    $hint = "name a binary of your own with the input 'binary'"
    $target = 'x86_64-pc-windows-msvc' # Windows on ARM runs it too
    if ($env:PROCESSOR_ARCHITECTURE -notin @('AMD64', 'ARM64')) { Stop-Fsa "there is no binary for Windows on $($env:PROCESSOR_ARCHITECTURE): $hint" }
    $version = ''
    $want = ''
    foreach ($line in [IO.File]::ReadAllLines((Join-Path $env:GITHUB_ACTION_PATH 'versions.txt'))) {
        $words = @($line.Trim() -split '\s+')
        if ($words[0] -eq '' -or $words[0].StartsWith('#')) { continue }
        if ($version -and $version -cne $words[0]) { Stop-Fsa "versions.txt names two versions, $version and $($words[0])" }
        $version = $words[0]
        if ($words.Count -eq 3 -and $words[1] -ceq $target) { $want = $words[2] }
    }
    if (-not $version) { Stop-Fsa "this commit of the action names no binary, since it is not a release: pin the commit of a release, or $hint" }
    if (-not $want) { Stop-Fsa "version $version has no binary for ${target}: $hint" }
    if ($version -notmatch '^[0-9A-Za-z.+-]+$' -or $want -cnotmatch '^[0-9a-f]{64}$') { Stop-Fsa 'versions.txt is damaged' }

    $asset = "fargate-stack-$target.exe"
    $repository = $env:FARGATE_STACK_ACTION_REPOSITORY
    $roots = @($env:RUNNER_TOOL_CACHE, $env:RUNNER_TEMP) | Where-Object { $_ }
    foreach ($root in $roots) {
        # The cache of a runner that is kept can be written by every job before this one: hashed on every use.
        $binary = Join-Path $root "fargate-stack\$version\$target\fargate-stack.exe"
        if ((Get-FsaSum $binary) -ceq $want) {
            if ($env:FARGATE_STACK_VERIFY_ATTESTATION -eq 'require') { Confirm-FsaProvenance $binary $repository $asset $false | Out-Host }
            [Console]::Error.WriteLine("fargate-stack: $version from $root, $want")
            return $binary
        }
    }

    $part = ''
    foreach ($root in $roots) {
        $folder = Join-Path $root "fargate-stack\$version\$target"
        try {
            $part = Join-Path $folder ('.part.' + [IO.Path]::GetRandomFileName())
            New-Item -ItemType Directory -Force -Path $part | Out-Null
            break
        } catch { $part = '' }
    }
    if (-not $part) { Stop-Fsa "neither RUNNER_TOOL_CACHE nor RUNNER_TEMP can be written: $hint" }
    $from = $env:FARGATE_STACK_MIRROR
    if (-not $from) {
        # Releases are on github.com also when the job runs on a server of its own.
        if ($repository -notmatch '^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$') {
            Stop-Fsa "the repository of the action is not known, so neither is its release: name the input 'mirror'"
        }
        $from = "https://github.com/$repository/releases/download"
    }
    $new = Join-Path $part 'fargate-stack.exe'
    try {
        if (-not (Get-FsaAsset ($from.TrimEnd('/', '\')) "v$version/$asset" $new)) {
            Stop-Fsa "cannot download $asset of version ${version}: name the input 'mirror', or $hint"
        }
        $got = Get-FsaSum $new
        if ($got -cne $want) {
            Stop-Fsa "refused: $asset of version $version is not what this commit names. Wanted sha256 $want, got $got. It was not run"
        }
        Confirm-FsaProvenance $new $repository $asset $true | Out-Host
        $binary = Join-Path $folder 'fargate-stack.exe'
        try { Move-Item -LiteralPath $new -Destination $binary -Force } catch { $binary = $new }
    } finally {
        if ($binary -ne $new) { Remove-Item -LiteralPath $part -Recurse -Force -ErrorAction SilentlyContinue }
    }
    [Console]::Error.WriteLine("fargate-stack: $version downloaded, $want")
    return $binary
}

$FSA_BIN = if ($env:FARGATE_STACK_BINARY) { Get-FsaOwn $env:FARGATE_STACK_BINARY } else { Get-FsaPinned }
# For the last step of the action, which tells the end of a cancelled job. UTF-8 without a mark, in both PowerShells.
if ($env:GITHUB_OUTPUT) { [IO.File]::AppendAllText($env:GITHUB_OUTPUT, "binary=$FSA_BIN`n") }
