using LoraAspire.Merger;
using LoraAspire.Model.Native;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults();
builder.AddStage<MergerParams, MergeStage>(StageKinds.Merger, LibTorch.Load);
var app = builder.Build();
app.MapDefaultEndpoints();
return await app.RunStageAsync(args);
