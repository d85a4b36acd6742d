# build.sh for PowerShell: ./build.ps1 check | test | goldens | bench NAME
param([string] $Command = "help", [Parameter(ValueFromRemainingArguments)] [string[]] $Rest)
$ErrorActionPreference = "Stop"
$PSNativeCommandUseErrorActionPreference = $true
Set-Location $PSScriptRoot

function Invoke-Tests([string[]] $Options) {
    dotnet build LoraAspire.sln -v quiet --nologo
    foreach ($name in "LoraAspire.Tests", "LoraAspire.RedisTests", "LoraAspire.EndToEndTests") {
        dotnet run --no-build --project "tests/$name" -- @Options
    }
}

switch ($Command) {
    "check" { dotnet format LoraAspire.sln --verify-no-changes --severity warn; Invoke-Tests @() }
    "test" { Invoke-Tests @() }
    "goldens" {
        if (-not $env:LORA_GOLDENS) { $env:LORA_GOLDENS = Join-Path $PSScriptRoot "../shared/goldens" }
        Invoke-Tests @("-trait", "Category=Goldens")
    }
    "bench" { dotnet run -c Release --project benchmarks/LoraAspire.Benchmarks -- @Rest }
    default { "usage: ./build.ps1 check | test | goldens | bench NAME" }
}
