using LoraAspire.Cli;
using LoraAspire.Cli.AlpacaLora;

namespace LoraAspire.Tests.Cli;

/// <summary>Flags as python-fire takes them.</summary>
public sealed class FireArgumentsTests
{
    private static readonly string[] s_known = ["rate", "name", "inputs", "modules", "norm"];

    private static IReadOnlyDictionary<string, string> Read(params string[] words) => FireArguments.Read(words, s_known);

    [Fact]
    public void A_value_stands_behind_an_equals_sign_or_a_space() =>
        Assert.Equal(("3e-4", "x"), (Read("--rate", "3e-4")["rate"], Read("--name=x")["name"]));

    [Fact]
    public void A_flag_alone_is_true_with_no_before_it_false()
    {
        var flags = Read("--inputs", "--nonorm");

        Assert.Equal(("true", "false"), (flags["inputs"], flags["norm"]));
    }

    [Fact]
    public void A_name_that_begins_with_no_is_itself() => Assert.Equal("1", Read("--norm", "1")["norm"]);

    [Theory]
    [InlineData("True", "true")]
    [InlineData("-1", "-1")]
    [InlineData("[q_proj,k_proj]", "[q_proj, k_proj]")]
    [InlineData("['q_proj', \"k_proj\"]", "[q_proj, k_proj]")]
    [InlineData("(a,)", "[a]")]
    [InlineData("[]", "[]")]
    [InlineData("{'q_proj': 8}", "{ q_proj: 8 }")]
    [InlineData("./a b", "\"./a b\"")]
    public void Values_of_Python_become_those_of_YAML(string python, string yaml) => Assert.Equal(yaml, Read("--name", python)["name"]);

    [Theory]
    [InlineData("x\nstages: []")]
    [InlineData("*anchor")]
    [InlineData("a: b # c")]
    [InlineData("\u001b[2J")]
    [InlineData("\"")]
    public void Whatever_a_value_holds_it_is_one_scalar(string value)
    {
        var yaml = Read("--name", value)["name"];

        Assert.DoesNotContain('\n', yaml);
        Assert.Equal(value, FireArguments.Text(yaml));
    }

    [Fact]
    public void None_is_as_if_it_were_not_given() => Assert.Empty(Read("--name", "None"));

    [Fact]
    public void Given_twice_the_last_counts() => Assert.Equal("2", Read("--rate", "1", "--rate=2")["rate"]);

    [Fact]
    public void Every_unknown_flag_is_told_with_the_nearest()
    {
        var error = Assert.Throws<CliException>(() => Read("--rat", "1", "stray", "--modul=3"));

        Assert.Equal(ExitCode.Usage, error.Code);
        Assert.Contains("unknown flag --rat: did you mean 'rate'?", error.Message, StringComparison.Ordinal);
        Assert.Contains("'stray' is no flag", error.Message, StringComparison.Ordinal);
        Assert.Contains("--modul: did you mean 'modules'?", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Dashes_in_a_name_are_underscores() =>
        Assert.Equal("1", FireArguments.Read(["--lora-r", "1"], ["lora_r"])["lora_r"]);
}
