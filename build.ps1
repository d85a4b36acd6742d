# build.sh for PowerShell: ./build.ps1 check | test | goldens | watch WORD | bench NAME
param([string] $Command = "help", [Parameter(ValueFromRemainingArguments)] [string[]] $Rest)
$ErrorActionPreference = "Stop"
$PSNativeCommandUseErrorActionPreference = $true
Set-Location $PSScriptRoot

function Invoke-Tests {
    dotnet build LoraAspire.sln -v quiet --nologo
    foreach ($name in "LoraAspire.Tests", "LoraAspire.RedisTests", "LoraAspire.EndToEndTests") {
        dotnet run --no-build --project "tests/$name"
    }
}

switch ($Command) {
    "check" { dotnet format LoraAspire.sln --verify-no-changes --severity warn; Invoke-Tests }
    "test" { Invoke-Tests }
    "goldens" { dotnet run --project tests/LoraAspire.Tests -- -trait "Category=Goldens" }
    "watch" { dotnet watch --project tests/LoraAspire.Tests --no-hot-reload run -- -noLogo -class "*$($Rest)*" }
    "bench" { dotnet run -c Release --project benchmarks/LoraAspire.Benchmarks -- @Rest }
    default { "usage: ./build.ps1 check | test | goldens | watch WORD | bench NAME" }
}
