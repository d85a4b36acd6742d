using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Store;

public sealed class DeploymentsTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly Deployments _deployments;

    public DeploymentsTests() => _deployments = new(_folder.Paths.Store);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_newest_deployment_of_a_name_is_what_it_serves_and_nothing_else_is_left()
    {
        _deployments.Deploy("雁栖-7B", _folder.At("store", "objects", "one"));
        _deployments.Deploy("雁栖-7B", _folder.At("store", "objects", "two"));

        Assert.Equal(("雁栖-7B", "objects/two"),
            Assert.Single(_deployments.List().Select(deployment => (deployment.Name, deployment.Folder))));
        Assert.Single(Directory.GetFiles(_folder.At("store", "serving")));
    }

    [Fact]
    public void An_adapter_is_served_beside_its_base_and_files_from_before_there_were_any_are_still_read()
    {
        _deployments.Deploy("beside", _folder.At("models", "base"), _folder.At("store", "objects", "adapter"), "q8_0");
        _folder.Write("store/serving/old.json", """{"name":"old","folder":"objects/one","created":"2026-01-02T03:04:05+00:00"}""");

        var (old, beside) = (_deployments.List().Single(one => one.Name == "old"), _deployments.List().Single(one => one.Name == "beside"));

        Assert.Equal(("objects/one", null, null), (old.Folder, old.Adapter, old.Weights));
        Assert.Equal(("../models/base", "objects/adapter", "q8_0"), (beside.Folder, beside.Adapter, beside.Weights));
        Assert.True(_deployments.Undeploy("beside"));
        Assert.False(_deployments.Undeploy("beside"));
        Assert.Equal("old", Assert.Single(_deployments.List()).Name);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("{\"name\":null,\"folder\":null}")]
    [InlineData("[1")]
    public void A_file_that_cannot_be_read_deploys_nothing_and_hides_no_other(string damaged)
    {
        _deployments.Deploy("whole", _folder.At("store", "objects", "one"));
        _folder.Write("store/serving/damaged.json", damaged);

        Assert.Equal("whole", Assert.Single(_deployments.List()).Name);
    }

    [Theory]
    [InlineData("..")]
    [InlineData("../x")]
    [InlineData("a\0b")]
    [InlineData("a\\b")]
    [InlineData(" ")]
    public void A_name_that_is_no_files_name_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => _deployments.Deploy(name, "x"));
}
